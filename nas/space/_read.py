"""Nodes -> template: what the records' own types allow, anywhere a value may stand.

The grammar is not written down a second time: keys, types, bounds and kinds are those of the
frozen records in `nas.arch`.
"""

from __future__ import annotations

import dataclasses
import types
from difflib import get_close_matches
from functools import cache
from itertools import islice
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

from nas.arch import COMPONENTS, Architecture, Bounds, Component, Transition
from nas.errors import ModelFileError
from nas.families import load_installed
from nas.space._sides import parse_sides, side_bounds
from nas.space._template import Fixed, GeneList, Open, Sequenced, Tied, simplify
from nas.space._yaml import Fields, Items, Node, Scalar, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nas.space._sides import parse_sides, side_bounds
from nas.space._template import Label, Template

MAX_OPTIONS = 1000
"""Most values that a `choice:` or a `range:` may hold; more is surely a slip."""
MAX_GENES = 2000
"""Most open values of a model file."""
MAX_SHOWN = 60
"""Characters of a value that a message repeats."""
MAX_COMPARED = 1000
"""Names among which a nearest one is looked for."""
OPEN = ("tied", "choice", "range")
"""The keys that make a value open."""
LEAVE_OPEN = "; write {choice: [...]} to leave it open"


class Reader:
    """Reads the nodes of one file against the records' types."""

    def __init__(self, source: str, tied: Mapping[str, Node]) -> None:
        """`source` names the file in messages; `tied` holds its top-level `tied:` values."""
        self.source = source
        self.tied = tied
        self.used: dict[str, Template] = {}
        """What was made of every tied value that something refers to."""
        self.genes = GeneList()
        self._inside: tuple[str, ...] = ()
        self._read_tied: dict[tuple[str, Any], Template] = {}
        self._read_ranges: dict[Any, tuple[Template, ...]] = {}

    def read(self, node: Node, hint: Any, path: str) -> Template:
        """The template of a node that must hold a `hint`, open or not."""
        if isinstance(node, Fields):
            for key, read in (
                ("tied", self.read_tied),
                ("choice", self.read_choice),
                ("range", self.read_range),
            ):
                if key in node.fields:
                    return read(node, hint, path)
        return self.read_given(node, hint, path)

    # -- open values ---------------------------------------------------------------------------

    def read_tied(self, node: Fields, hint: Any, path: str) -> Template:
        self.only_keys(node, ("tied", "times"), path)
        if "times" in node.fields:
            return self.read_scaled(node, hint, path)
        name = node.fields["tied"]
        if not isinstance(name, Scalar) or not isinstance(name.value, str):
            raise self.error(node, path, f"tied needs the name of a value, not {shown(name)}")
        if name.value not in self.tied:
            raise self.error(
                node,
                path,
                f"tied value '{name.value}' is not defined{near(name.value, self.tied)} "
                f"(defined under the top-level key 'tied': {', '.join(self.tied) or 'nothing'})",
            )
        if name.value in self._inside:
            raise self.error(node, path, f"tied value '{name.value}' refers to itself")
        if (name.value, hint) not in self._read_tied:
            self._inside = (*self._inside, name.value)
            template = self.read(self.tied[name.value], hint, f"tied.{name.value}")
            self._inside = self._inside[:-1]
            self._read_tied[name.value, hint] = template
        template = self._read_tied[name.value, hint]
        self.used.setdefault(name.value, template)
        return template if isinstance(template, Fixed) else Tied(name.value, template)

    def read_scaled(self, node: Fields, hint: Any, path: str) -> Template:
        """A tied number times a given one; what comes out must be allowed where it stands."""
        times = self.number(node.fields["times"], f"{path}.times", "times needs a number")
        base = self.read_tied(Fields({"tied": node.fields["tied"]}, node.line), float, path)
        if isinstance(base, Fixed):
            return self.read_product(base, times, node, hint, path)
        assert isinstance(base, Tied)
        return Tied(base.name, self.read_product(base.template, times, node, hint, path))

    def read_product(
        self, template: Template, times: float, node: Node, hint: Any, path: str
    ) -> Template:
        """`template` with every number in it multiplied."""
        if isinstance(template, Fixed):
            product = round(template.value * times, 10)
            value = int(product) if product.is_integer() else product
            return self.read_given(Scalar(value, node.line), hint, path)
        if isinstance(template, Tied):
            inner = self.read_product(template.template, times, node, hint, path)
            return Tied(template.name, inner)
        assert isinstance(template, Open)
        options = (self.read_product(one, times, node, hint, path) for one in template.options)
        return Open(template.gene, tuple(options))

    def read_choice(self, node: Fields, hint: Any, path: str) -> Template:
        self.only_keys(node, ("choice",), path)
        listed = node.fields["choice"]
        if not isinstance(listed, Items):
            raise self.error(listed, path, "choice needs a list, as in {choice: [1, 2, 4]}")
        if not listed.items:
            raise self.error(listed, path, "choice is empty; list at least one value")
        if len(listed.items) > MAX_OPTIONS:
            raise self.error(
                listed, path, f"choice of {len(listed.items):,} values; at most {MAX_OPTIONS:,}"
            )
        labels = self.labels(listed, path)
        build = self.open(node, path, labels)
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
        values = self.spanned(node, path)
        build = self.open(node, path, values)
        known = (tuple(values), type(values[0]), hint)
        if known not in self._read_ranges:
            self._read_ranges[known] = tuple(
                self.read_given(Scalar(value, node.line), hint, path) for value in values
            )
        return build(self._read_ranges[known])

    def spanned(self, node: Fields, path: str) -> list[int | float]:
        """The values of a range, both ends included."""
        ends = node.fields["range"]
        if not isinstance(ends, Items) or len(ends.items) != 2:
            raise self.error(node, path, "range needs two numbers, as in {range: [1, 4]}")
        low, high = (self.number(end, path) for end in ends.items)
        step = self.number(node.fields.get("step", Scalar(1, node.line)), path)
        if low > high or step <= 0:
            raise self.error(node, path, "range needs [low, high] with low <= high, step above 0")
        if "step" not in node.fields and not (isinstance(low, int) and isinstance(high, int)):
            raise self.error(
                node,
                path,
                "a range that is not of whole numbers needs a step, as in "
                f"{{range: [{low}, {high}], step: 0.1}}",
            )
        count = int((high - low) / step + 1e-9) + 1
        if count > MAX_OPTIONS:
            raise self.error(node, path, f"range spans {count:,} values; at most {MAX_OPTIONS:,}")
        values = [_tidy(low + index * step) for index in range(count)]
        if abs(values[-1] - high) > 1e-9 * step:
            raise self.error(
                node,
                path,
                f"steps of {step} from {low} do not meet {high}: the last one below is "
                f"{values[-1]}, the next one {_tidy(values[-1] + step)}",
            )
        return values

    def open(
        self, node: Node, path: str, labels: Sequence[Label]
    ) -> Callable[[Iterable[Template]], Template]:
        """Number the gene before its options are read, so that genes stand in the file's order."""
        if len(labels) == 1:
            return lambda options: next(iter(options))
        gene = self.genes.add(path, labels)
        if gene >= MAX_GENES:
            raise self.error(node, path, f"one open value too many; at most {MAX_GENES:,}")
        return lambda options: Open(gene, tuple(options))

    def number(
        self, node: Node, path: str, needed: str = "range and step need numbers"
    ) -> int | float:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(node, path, f"{needed}, not {shown(node)}")
        return value

    def label(self, node: Node, index: int) -> Label:
        if isinstance(node, Scalar):
            return "none" if node.value is None else node.value
        if isinstance(node, Fields) and len(node.fields) == 1 and not is_open(node):
            return next(iter(node.fields))
        return f"option {index + 1}"

    # -- given values --------------------------------------------------------------------------

    def read_given(self, node: Node, hint: Any, path: str) -> Template:
        """The template of a node that is not itself open; what is inside may be."""
        if (sides := side_bounds(hint)) is not None:
            if (value := parse_sides(node, sides)) is None:
                what = shown(node)
                raise self.error(
                    node, path, f"{what} is not allowed; it must be {sides}{advice(node)}"
                )
            return Fixed(value)
        hint, bounds = unwrap(hint)
        origin = get_origin(hint)
        if origin in (Union, types.UnionType):
            return self.read_either(node, get_args(hint), path)
        if origin is tuple:
            return self.read_items(node, get_args(hint)[0], path)
        if origin is Literal:
            return self.read_name(node, get_args(hint), path)
        if isinstance(hint, type) and issubclass(hint, Component) and hint in COMPONENTS:
            return self.read_component(node, hint, path)
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            if not isinstance(node, Fields):
                raise self.error(
                    node,
                    path,
                    f"a mapping is needed here, not {shown(node)} "
                    f"(known keys: {', '.join(field_hints(hint))})",
                )
            return self.read_record(node, hint, path)
        return self.read_scalar(node, hint, bounds, path)

    def read_either(self, node: Node, hints: tuple[Any, ...], path: str) -> Template:
        """A value or none; a value or a list of such."""
        if type(None) in hints and isinstance(node, Scalar) and node.value in (None, "none"):
            return Fixed(None)
        listed = [hint for hint in hints if get_origin(hint) is tuple]
        single = [hint for hint in hints if hint not in (*listed, type(None))]
        wanted = listed if isinstance(node, Items) and listed else single
        return self.read_given(node, wanted[0], path)

    def read_items(self, node: Node, hint: Any, path: str) -> Template:
        if not isinstance(node, Items):
            raise self.error(node, path, f"a list is needed here, not {shown(node)}")
        if not node.items and dataclasses.is_dataclass(hint):
            raise self.error(node, path, "the list is empty; it needs at least one item")
        items = tuple(
            self.read(item, hint, f"{path}.{index}") for index, item in enumerate(node.items)
        )
        if all(isinstance(item, Fixed) for item in items):
            return Fixed(tuple(item.build((), set()) for item in items))
        return Sequenced(items)

    def read_component(self, node: Node, base: type[Component], path: str) -> Template:
        kinds = COMPONENTS[base]
        known = f"(known: {', '.join(kinds)}{', none' if base is Transition else ''})"
        if isinstance(node, Scalar) and isinstance(node.value, str):
            node = Fields({node.value: Fields({}, node.line)}, node.line)
        if not isinstance(node, Fields):
            what = base.__name__.lower()
            raise self.error(
                node, path, f"a kind of {what} is needed here, not {shown(node)} {known}"
            )
        if len(node.fields) != 1:
            named = " and ".join(node.fields) or "an empty mapping"
            raise self.error(
                node, path, f"one kind is needed here, not {named} {known}{LEAVE_OPEN}"
            )
        ((kind, options),) = node.fields.items()
        if kind not in kinds:
            load_installed()
        if kind not in kinds:
            raise self.error(
                node, path, f"unknown {base.__name__.lower()} {kind!r}{near(kind, kinds)} {known}"
            )
        if isinstance(options, Scalar) and options.value is None:
            options = Fields({}, options.line)
        if not isinstance(options, Fields):
            raise self.error(
                options,
                f"{path}.{kind}",
                f"a mapping of options is needed here, not {shown(options)} "
                f"({self.known_keys(kinds[kind])})",
            )
        return self.read_record(options, kinds[kind], f"{path}.{kind}")

    def read_record(self, node: Fields, cls: type, path: str) -> Template:
        known = field_hints(cls)
        for key, value in node.fields.items():
            if key not in known:
                raise self.error(
                    value,
                    join(path, key),
                    f"unknown key{near(key, known_names(cls))} ({self.known_keys(cls)})",
                )
        fields = []
        for key, (hint, required) in known.items():
            if key in node.fields:
                fields.append((key, self.read(node.fields[key], hint, join(path, key))))
            elif required:
                raise self.error(
                    node, path or "top level", f"missing key '{key}' ({self.known_keys(cls)})"
                )
        return simplify(cls, fields)

    def known_keys(self, cls: type) -> str:
        known = known_names(cls)
        return f"known: {', '.join(known)}" if known else "it has no options"

    def read_name(self, node: Node, allowed: tuple[Any, ...], path: str) -> Template:
        value = node.value if isinstance(node, Scalar) else None
        # 3 == 3.0 and 1 == True in Python, but not in a model file.
        if any(value == name and type(value) is type(name) for name in allowed):
            return Fixed(value)
        raise self.error(
            node,
            path,
            f"{shown(node)} is not allowed{near(value, allowed)} "
            f"(allowed: {', '.join(map(str, allowed))}){advice(node)}",
        )

    def read_scalar(self, node: Node, hint: type, bounds: Bounds | None, path: str) -> Template:
        value = node.value if isinstance(node, Scalar) else None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if hint is float and number:
            value = float(value)  # type: ignore[arg-type]
        elif not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
            raise self.error(
                node, path, f"{WORDS[hint]} is needed here, not {shown(node)}{advice(node)}"
            )
        if bounds is not None and not bounds.admit(value):  # type: ignore[arg-type]
            raise self.error(node, path, f"{value} is not allowed; it must be {bounds}")
        return Fixed(value)

    def only_keys(self, node: Fields, known: tuple[str, ...], path: str) -> None:
        for key in node.fields:
            if key not in known:
                beside = f" (known: {', '.join(known)})" if len(known) > 1 else ""
                raise self.error(node, join(path, key), f"unknown key beside '{known[0]}'{beside}")

    def error(self, node: Node, path: str, message: str) -> ModelFileError:
        # Values that --set put in have no line.
        where = f"{self.source}:{node.line}" if node.line else f"{self.source}, as set by --set"
        return ModelFileError(f"{where}: {path}: {message}")


WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}


@cache
def field_hints(cls: type) -> dict[str, tuple[Any, bool]]:
    """Type and whether it is required, for each field of a record."""
    hints = get_type_hints(cls, include_extras=True)
    return {
        item.name: (hints[item.name], item.default is dataclasses.MISSING)
        for item in dataclasses.fields(cls)
    }


def known_names(cls: type) -> list[str]:
    """The keys that may be given for a record."""
    beside = ("description", "ladder", "tied") if cls is Architecture else ()
    return [*field_hints(cls), *beside]


def unwrap(hint: Any) -> tuple[Any, Bounds | None]:
    """A type without its annotation, and the bounds the annotation held."""
    if get_origin(hint) is not Annotated:
        return hint, None
    inner, *extras = get_args(hint)
    return inner, next((extra for extra in extras if isinstance(extra, Bounds)), None)


def is_open(node: Node) -> bool:
    """Whether a node is itself an open value."""
    return isinstance(node, Fields) and any(key in node.fields for key in OPEN)


def option_path(path: str, node: Node, label: Label) -> str:
    """Where an option of a choice lives: a second option of one kind gets a name of its own.

    So does an option that is a choice itself, which must not be taken for the one around it.
    """
    if isinstance(node, Scalar) or (isinstance(node, Fields) and str(label) in node.fields):
        return path
    return f"{path}.{label}".replace(" ", "_")


def near(value: Any, known: Iterable[Any]) -> str:
    """A hint at the nearest legal name, if any is near."""
    # A quoted '3' is near to the number 3, but to be told so would be a riddle.
    names = [str(name) for name in islice(known, MAX_COMPARED) if str(name) != str(value)]
    matches = get_close_matches(str(value), names, n=1)
    return f", did you mean '{matches[0]}'?" if matches else ""


def shown(node: Node) -> str:
    """A node as a message shows it."""
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Fields):
        return "a mapping"
    if node.value is None:
        return "nothing"
    text = str(node.value).lower() if isinstance(node.value, bool) else repr(node.value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def advice(node: Node) -> str:
    """What to write instead of a value of the wrong type."""
    if isinstance(node, Scalar) and isinstance(node.value, float) and node.value.is_integer():
        return f"; write {int(node.value)}"
    if isinstance(node, Items):
        return LEAVE_OPEN
    for key in node.fields if isinstance(node, Fields) else ():
        if hint := near(key, OPEN):
            return f"; unknown key '{key}'{hint}"
    return ""


def _tidy(value: int | float) -> int | float:
    return value if isinstance(value, int) else round(value, 10)
