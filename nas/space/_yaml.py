"""YAML text -> nodes that know their line, without YAML 1.1's surprises.

PyYAML alone reads `no` as False, `010` as 8, `1e-3` as a string and lets a duplicate key win
silently. Here `1e-3` is the number it looks like, and the others are errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import yaml

from nas.errors import ModelFileError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CHARACTERS = 1 << 16
"""Length of a model file; ten times that of the longest that comes with nas."""
MAX_NODES = 20_000
"""Keys, values and list items of a model file, with aliases written out."""
MAX_NUMBER = 100
"""Characters of a number; anything longer is text."""
MAX_NESTING = 40
"""Lists and mappings inside each other."""

Value: TypeAlias = int | float | str | bool | None
Node: TypeAlias = Union["Scalar", "Items", "Fields"]

INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
SURPRISES = (
    (re.compile(r"(?i:yes|no|on|off|y|n)|True|TRUE|False|FALSE"), "write true or false"),
    (re.compile(r"[-+]?0[0-9]+"), "write the number without leading zeros"),
    (re.compile(r"[-+]?0[xob][0-9a-fA-F_]+"), "write the number in decimal"),
    (re.compile(r"[-+]?[0-9][0-9_]*_[0-9_.]*"), "write the number without underscores"),
    (re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"), "write the number in decimal"),
    (re.compile(r"(?i)[-+]?\.(inf|nan)"), "write a finite number"),
    (re.compile(r"[-+]?[0-9.]+[eE][-+]?[0-9]{3,}|[-+]?[0-9]{16,}"), "write fewer digits"),
    (re.compile(r"Null|NULL|~"), "write null or none"),
)
"""Plain scalars that some reader may take for something else, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, a string, true, false or null."""

    value: Value
    line: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping with string keys."""

    fields: dict[str, Node]
    line: int


def parse_yaml(text: str, source: str) -> Node:
    """The nodes of one YAML document; `source` is the file's name in messages.

    Raises ModelFileError with file, line and path.
    """

    def where(line: int) -> str:
        return f"{source}:{line}"

    root = _compose(text, where)
    if root is None:
        raise ModelFileError(f"{source}:1: the file is empty; it needs stem, stages and head")
    return _Reader(where).read(root, "", ())


def parse_scalar(text: str, source: str) -> Scalar:
    """One value as it would be read in a file, but from nowhere in it: its line is 0.

    `source` stands for the file in messages.
    """

    def where(line: int) -> str:
        return source

    root = _compose(text, where)
    node = Scalar(None, 0) if root is None else _Reader(where).read(root, "", ())
    if not isinstance(node, Scalar):
        raise ModelFileError(f"{source}: a single value is needed here, not a list or a mapping")
    return Scalar(node.value, 0)


class _Loader(yaml.SafeLoader):
    """Refuses tags such as `!!str`, which PyYAML would resolve without a trace, and deep nests."""

    nesting = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise yaml.MarkedYAMLError(
                problem=f"nested too deeply: a model file has at most {MAX_NESTING} lists and "
                "mappings inside each other",
                problem_mark=event.start_mark,
            )
        if tag := getattr(event, "tag", None):
            short = tag.replace("tag:yaml.org,2002:", "!!")
            raise yaml.MarkedYAMLError(
                problem=f"the tag {short} is not supported; leave it out",
                problem_mark=event.start_mark,
            )
        node: yaml.Node | None = super().compose_node(parent, index)
        self.nesting -= 1
        return node


def _compose(text: str, where: Callable[[int], str]) -> yaml.Node | None:
    if len(text) > MAX_CHARACTERS:
        raise ModelFileError(
            f"{where(1)}: more than {MAX_CHARACTERS:,} characters; a model file is shorter"
        )
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        advice = "; indent with spaces, not tabs" if "'\\t'" in str(error.problem) else ""
        raise ModelFileError(
            f"{where(mark.line + 1 if mark else 1)}: {error.problem}{advice}"
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ModelFileError(
            f"{where(line)}: the character {chr(error.character)!r} is not allowed in YAML"
        ) from error
    return root


class _Reader:
    def __init__(self, where: Callable[[int], str]) -> None:
        self.where = where
        self.known: dict[yaml.Node, Node] = {}
        """What was made of a node: its aliases stand for the same."""
        self.sizes: dict[yaml.Node, int] = {}
        """Nodes in a node, itself included, with aliases written out."""

    def read(self, node: yaml.Node, path: str, above: tuple[yaml.Node, ...]) -> Node:
        if any(node is ancestor for ancestor in above):
            raise self.error(
                node.start_mark.line + 1,
                path,
                "the alias refers to a value that contains it; write it out",
            )
        if node not in self.known:
            self.known[node] = self.read_new(node, path, (*above, node))
            self.sizes[node] = self.size(node, path)
        return self.known[node]

    def read_new(self, node: yaml.Node, path: str, above: tuple[yaml.Node, ...]) -> Node:
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return Fields(self.read_fields(node, path, above), line)
        if isinstance(node, yaml.SequenceNode):
            items = (
                self.read(item, join(path, str(index)), above)
                for index, item in enumerate(node.value)
            )
            return Items(tuple(items), line)
        assert isinstance(node, yaml.ScalarNode)
        return Scalar(self.read_scalar(node, path), line)

    def size(self, node: yaml.Node, path: str) -> int:
        below: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            below = [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            below = node.value
        size = 1 + sum(self.sizes[child] for child in below)
        if size > MAX_NODES:
            raise self.error(
                node.start_mark.line + 1,
                path,
                f"{size:,} values with aliases written out; a model file has at most "
                f"{MAX_NODES:,}",
            )
        return size

    def read_fields(
        self, node: yaml.MappingNode, path: str, above: tuple[yaml.Node, ...]
    ) -> dict[str, Node]:
        fields: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise self.error(line, path, "a key must be a plain name")
            if key.value == "<<":
                raise self.error(
                    line, path, "merge keys (<<) are not supported; write the keys out"
                )
            here = join(path, key.value)
            if key.value in fields:
                raise self.error(
                    line, here, f"duplicate key, first given on line {lines[key.value]}"
                )
            lines[key.value] = line
            fields[key.value] = self.read(value, here, above)
        return fields

    def read_scalar(self, node: yaml.ScalarNode, path: str) -> Value:
        text = node.value
        if node.style is not None or len(text) > MAX_NUMBER:
            return str(text)
        for pattern, advice in SURPRISES:
            if pattern.fullmatch(text):
                raise self.error(
                    node.start_mark.line + 1,
                    path,
                    f"'{text}' is not the same to every YAML reader; {advice}, "
                    f"or quote it if a string is meant",
                )
        return read_plain(text)

    def error(self, line: int, path: str, message: str) -> ModelFileError:
        return ModelFileError(
            ": ".join(part for part in (self.where(line), path, message) if part)
        )


def read_plain(text: str) -> Value:
    """The value of an unquoted scalar."""
    if text in ("", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if INT.fullmatch(text):
        return int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    return text


def join(path: str, key: str) -> str:
    """`path.key`, or `key` at the top."""
    return f"{path}.{key}" if path else key


def line_at(root: Node, path: str) -> int:
    """Line of the value at a path such as `stages.0.block.lru`, or of the nearest one above it.

    Choices are transparent, as in the names of genes.
    """
    line, node = root.line, root
    for key in path.split("."):
        below = _child(node, key)
        if below is None:
            break
        line, node = below.line or line, below
    return line


def _child(node: Node, key: str) -> Node | None:
    if isinstance(node, Items):
        return node.items[int(key)] if key.isdecimal() and int(key) < len(node.items) else None
    if isinstance(node, Scalar):
        return node if node.value == key else None
    options = node.fields.get("choice")
    if isinstance(options, Items):
        found = (_child(option, key) for option in options.items)
        return next((child for child in found if child is not None), None)
    return node.fields.get(key)
