"""YAML text -> nodes that know their line, without YAML 1.1's surprises.

PyYAML alone reads `no` as False, `010` as 8, `1e-3` as a string and lets a duplicate key win
silently. Here `1e-3` is the number it looks like, and the others are errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias, Union

import yaml

from nas.errors import ModelFileError

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
    (re.compile(r"(?i)(?!null$)null|~"), "write null or none"),
)
"""Plain scalars that YAML 1.1 or a reader may take for something else, and what to write."""


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

    Raises ModelFileError with file and line.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ModelFileError(f"{source}:{line}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ModelFileError(f"{source}:1: not valid YAML: {error}") from error
    if root is None:
        raise ModelFileError(f"{source}:1: the file is empty; it needs stem, stages and head")
    return _Reader(source).read(root, ())


def parse_scalar(text: str, source: str) -> Scalar:
    """One value as it would be read in a file; used for command-line overrides."""
    node = parse_yaml(text, source)
    if not isinstance(node, Scalar):
        raise ModelFileError(f"{source}: a single value is needed here, not a list or a mapping")
    return node


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source

    def read(self, node: yaml.Node, above: tuple[yaml.Node, ...]) -> Node:
        line = node.start_mark.line + 1
        if any(node is ancestor for ancestor in above):
            raise self.error(line, "an alias refers to a node that contains it")
        if isinstance(node, yaml.MappingNode):
            return Fields(self.read_fields(node, (*above, node)), line)
        if isinstance(node, yaml.SequenceNode):
            return Items(tuple(self.read(item, (*above, node)) for item in node.value), line)
        assert isinstance(node, yaml.ScalarNode)
        return Scalar(self.read_scalar(node), line)

    def read_fields(self, node: yaml.MappingNode, above: tuple[yaml.Node, ...]) -> dict[str, Node]:
        fields: dict[str, Node] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise self.error(line, "a key must be a plain name")
            if key.value == "<<":
                raise self.error(line, "merge keys (<<) are not supported; write the keys out")
            if key.value in fields:
                first = fields[key.value].line
                raise self.error(line, f"{key.value}: duplicate key, first given on line {first}")
            fields[key.value] = self.read(value, above)
        return fields

    def read_scalar(self, node: yaml.ScalarNode) -> Value:
        text, line = node.value, node.start_mark.line + 1
        if node.tag.startswith("!") or "python" in node.tag:
            raise self.error(line, f"tag {node.tag}: tags are not supported")
        if node.style is not None:
            return str(text)
        for pattern, advice in SURPRISES:
            if pattern.fullmatch(text):
                raise self.error(
                    line,
                    f"'{text}' reads differently in different YAML versions; {advice}, "
                    f"or quote it if a string is meant",
                )
        return read_plain(text)

    def error(self, line: int, message: str) -> ModelFileError:
        return ModelFileError(f"{self.source}:{line}: {message}")


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
