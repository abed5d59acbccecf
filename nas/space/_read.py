"""Nodes -> template: what the records' own types allow, anywhere a value may stand.

The grammar is not written down a second time: keys, types, bounds and kinds are those of the
frozen records in `nas.arch`.
"""

from __future__ import annotations

import dataclasses
import types
from difflib import get_close_matches
from functools import cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from nas.arch import PARTS, Bounds, Part
from nas.errors import ModelFileError
from nas.space._template import Fixed, GeneList, Open, Sequenced, simplify
from nas.space._yaml import Fields, Items, Node, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nas.space._template import Label, Template

MAX_RANGE = 1000
"""Most values a `range:` may span; more is surely a slip."""


class Reader:
    """Reads the nodes of one file against the records' types."""

    def __init__(self, source: str, tied: Mapping[str, Node]) -> None:
        """`source` names the file in messages; `tied` holds its top-level `tied:` values."""
        self.source = source
        self.tied = tied
        self.used: set[str] = set()
        self.genes = GeneList()

    def read(self, node: Node, hint: Any, path: str) -> Template:
        """The template of a node that must hold a `hint`, open or not."""
        if isinstance(node, Fields):
            keys = node.fields.keys()
            if "tied" in keys:
                return self.read_tied(node, hint, path)
            if "choice" in keys:
                return self.read_choice(node, hint, path)
            if "range" in keys:
                return self.read_range(node, hint, path)
        return self.read_given(node, hint, path)

    # -- open values ---------------------------------------------------------------------------

    def read_tied(self, node: Fields, hint: Any, path: str) -> Template:
        self.only_keys(node, ("tied",), path)
        name = node.fields["tied"]
        if not isinstance(name, Scalar) or name.value not in self.tied:
            value = name.value if isinstance(name, Scalar) else "a list or mapping"
            raise self.error(
                node,
                path,
                f"tied value {value!r} is not defined{near(value, self.tied)}; "
                "define it under the file's top-level key 'tied'",
            )
        self.used.add(str(name.value))
        return self.read(self.tied[str(name.value)], hint, f"tied.{name.value}")

    def read_choice(self, node: Fields, hint: Any, path: str) -> Template:
        self.only_keys(node, ("choice",), path)
        listed = node.fields["choice"]
        if not isinstance(listed, Items):
            raise self.error(listed, path, "choice needs a list, as in {choice: [1, 2, 4]}")
        if not listed.items:
            raise self.error(listed, path, "choice is empty; list at least one value")
        labels = self.labels(listed, path)
        build = self.open(path, labels)
        return build(
            self.read(item, hint, option_path(path, item, label))
            for item, label in zip(listed.items, labels, strict=True)
        )

    def labels(self, listed: Items, path: str) -> list[Label]:
        """One name per option: two options of a kind are numbered, two equal values a slip."""
        labels: list[Label] = []
        for index, item in enumerate(listed.items):
            label = self.label(item, index)
            if label in labels:
                if isinstance(item, Scalar):
                    raise self.error(item, path, f"choice lists {label!r} twice")
                label = f"{label}#{index + 1}"
            labels.append(label)
        return labels

    def read_range(self, node: Fields, hint: Any, path: str) -> Template:
        self.only_keys(node, ("range", "step"), path)
        ends = self.numbers(node.fields["range"], path)
        step_node = node.fields.get("step")
        step = self.numbers(step_node, path)[0] if step_node else 1
        if len(ends) != 2 or ends[0] > ends[1]:
            raise self.error(node, path, "range needs [low, high] with low <= high")
        if step <= 0 or (step_node is None and not all(isinstance(end, int) for end in ends)):
            raise self.error(
                node, path, "a range that is not of whole numbers needs a step above 0"
            )
        count = int((ends[1] - ends[0]) / step + 1e-9) + 1
        if count > MAX_RANGE:
            raise self.error(node, path, f"range spans {count:,} values; at most {MAX_RANGE:,}")
        values = [_tidy(ends[0] + index * step) for index in range(count)]
        build = self.open(path, values)
        return build(self.read_given(Scalar(value, node.line), hint, path) for value in values)

    def open(self, path: str, labels: Sequence[Label]) -> Callable[[Iterable[Template]], Template]:
        """Number the gene before its options are read, so that genes stand in the file's order."""
        if len(labels) == 1:
            return lambda options: next(iter(options))
        gene, tied = self.genes.add(path, labels), path.startswith("tied.")
        return lambda options: Open(gene, tuple(options), tied)

    def numbers(self, node: Node, path: str) -> list[int | float]:
        items = node.items if isinstance(node, Items) else (node,)
        values = [item.value if isinstance(item, Scalar) else None for item in items]
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise self.error(node, path, f"range and step need numbers, not {value!r}")
        return values  # type: ignore[return-value]

    def label(self, node: Node, index: int) -> Label:
        if isinstance(node, Scalar):
            return "none" if node.value is None else node.value
        if isinstance(node, Fields) and len(node.fields) == 1:
            return next(iter(node.fields))
        return f"option {index + 1}"

    # -- given values --------------------------------------------------------------------------

    def read_given(self, node: Node, hint: Any, path: str) -> Template:
        """The template of a node that is not itself open; what is inside may be."""
        hint, bounds = unwrap(hint)
        origin = get_origin(hint)
        if origin in (Union, types.UnionType):
            return self.read_optional(node, hint, path)
        if origin is tuple:
            return self.read_items(node, get_args(hint)[0], path)
        if origin is Literal:
            return self.read_name(node, get_args(hint), path)
        if isinstance(hint, type) and issubclass(hint, Part) and hint in PARTS:
            return self.read_part(node, hint, path)
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            if not isinstance(node, Fields):
                raise self.error(node, path, f"a mapping is needed here, not {shown(node)}")
            return self.read_record(node, hint, path)
        return self.read_scalar(node, hint, bounds, path)

    def read_optional(self, node: Node, hint: Any, path: str) -> Template:
        if isinstance(node, Scalar) and node.value in (None, "none"):
            return Fixed(None)
        (inner,) = [option for option in get_args(hint) if option is not type(None)]
        return self.read_given(node, inner, path)

    def read_items(self, node: Node, hint: Any, path: str) -> Template:
        if not isinstance(node, Items):
            raise self.error(node, path, f"a list is needed here, not {shown(node)}")
        if not node.items:
            raise self.error(node, path, "the list is empty")
        items = tuple(
            self.read(item, hint, f"{path}.{index}") for index, item in enumerate(node.items)
        )
        if all(isinstance(item, Fixed) for item in items):
            return Fixed(tuple(item.build((), set()) for item in items))
        return Sequenced(items)

    def read_part(self, node: Node, base: type[Part], path: str) -> Template:
        kinds = PARTS[base]
        if isinstance(node, Scalar):
            node = Fields({str(node.value): Fields({}, node.line)}, node.line)
        if not isinstance(node, Fields) or len(node.fields) != 1:
            raise self.error(
                node,
                path,
                f"name exactly one kind, as in {{{next(iter(kinds))}: {{...}}}} "
                f"(known: {', '.join(kinds)})",
            )
        ((kind, options),) = node.fields.items()
        if kind not in kinds:
            raise self.error(
                node,
                path,
                f"unknown {base.__name__.lower()} '{kind}'{near(kind, kinds)} "
                f"(known: {', '.join(kinds)}{', none' if base.__name__ == 'Transition' else ''})",
            )
        if isinstance(options, Scalar) and options.value is None:
            options = Fields({}, options.line)
        if not isinstance(options, Fields):
            raise self.error(options, f"{path}.{kind}", "the options must be a mapping")
        return self.read_record(options, kinds[kind], f"{path}.{kind}")

    def read_record(self, node: Fields, cls: type, path: str) -> Template:
        known = field_hints(cls)
        for key, value in node.fields.items():
            if key not in known:
                raise self.error(
                    value,
                    join(path, key),
                    f"unknown key{near(key, known)} (known: {', '.join(known) or 'none'})",
                )
        fields = []
        for key, (hint, required) in known.items():
            if key in node.fields:
                fields.append((key, self.read(node.fields[key], hint, join(path, key))))
            elif required:
                raise self.error(node, path or "top level", f"missing key '{key}'")
        return simplify(cls, fields)

    def read_name(self, node: Node, allowed: tuple[Any, ...], path: str) -> Template:
        value = node.value if isinstance(node, Scalar) else None
        # 1 == True in Python, and a stray `true` must not pass for a 1.
        if value in allowed and not isinstance(value, bool):
            return Fixed(value)
        raise self.error(
            node,
            path,
            f"{shown(node)} is not allowed{near(value, allowed)} "
            f"(allowed: {', '.join(map(str, allowed))})",
        )

    def read_scalar(self, node: Node, hint: type, bounds: Bounds | None, path: str) -> Template:
        value = node.value if isinstance(node, Scalar) else None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if hint is float and number:
            value = float(value)  # type: ignore[arg-type]
        elif not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
            advice = "; write {choice: [...]} to leave it open" if isinstance(node, Items) else ""
            raise self.error(
                node, path, f"{WORDS[hint]} is needed here, not {shown(node)}{advice}"
            )
        if bounds is not None and not bounds.admit(value):  # type: ignore[arg-type]
            raise self.error(node, path, f"{value} is not allowed; it must be {bounds}")
        return Fixed(value)

    def only_keys(self, node: Fields, known: tuple[str, ...], path: str) -> None:
        for key in node.fields:
            if key not in known:
                raise self.error(node, join(path, key), f"unknown key beside '{known[0]}'")

    def error(self, node: Node, path: str, message: str) -> ModelFileError:
        return ModelFileError(f"{self.source}:{node.line}: {path}: {message}")


WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}


@cache
def field_hints(cls: type) -> dict[str, tuple[Any, bool]]:
    """Type and whether it is required, for each field of a record."""
    hints = get_type_hints(cls, include_extras=True)
    return {
        item.name: (hints[item.name], item.default is dataclasses.MISSING)
        for item in dataclasses.fields(cls)
    }


def unwrap(hint: Any) -> tuple[Any, Bounds | None]:
    """A type without its annotation, and the bounds the annotation held."""
    if get_origin(hint) is not Annotated:
        return hint, None
    inner, *extras = get_args(hint)
    return inner, next((extra for extra in extras if isinstance(extra, Bounds)), None)


def option_path(path: str, node: Node, label: Label) -> str:
    """Where an option of a choice lives: a second option of one kind gets a name of its own."""
    if isinstance(node, Scalar) or (isinstance(node, Fields) and str(label) in node.fields):
        return path
    return f"{path}.{label}".replace(" ", "_")


def join(path: str, key: str) -> str:
    """`path.key`, or `key` at the top."""
    return f"{path}.{key}" if path else key


def near(value: Any, known: Iterable[Any]) -> str:
    """A hint at the nearest legal name, if any is near."""
    matches = get_close_matches(str(value), [str(name) for name in known], n=1)
    return f", did you mean '{matches[0]}'?" if matches else ""


def shown(node: Node) -> str:
    """A node as a message shows it."""
    if isinstance(node, Scalar):
        return "nothing" if node.value is None else repr(node.value)
    return "a list" if isinstance(node, Items) else "a mapping"


def _tidy(value: int | float) -> int | float:
    return value if isinstance(value, int) else round(value, 10)
