"""Nodes -> template: what the records' own types allow, and open values wherever one may stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas.space._template import Fixed, GeneList, Open, Tied
from nas.space._values import ValueReader
from nas.space._words import OPEN, near, shown
from nas.space._yaml import Fields, Items, Node, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nas.space._template import Label, Template

MAX_OPTIONS = 1000
"""Most values that a `choice:` or a `range:` may hold; more is surely a slip."""
MAX_GENES = 2000
"""Most open values of a model file."""


class Reader(ValueReader):
    """Reads a model file: any value may be tied, a choice or a range."""

    def __init__(self, source: str, tied: Mapping[str, Node]) -> None:
        """`source` names the file in messages; `tied` holds its top-level `tied:` values."""
        super().__init__(source)
        self.tied = tied
        self.used: dict[str, Template] = {}
        """What was made of every tied value that something refers to."""
        self.genes = GeneList()
        self._inside: tuple[str, ...] = ()
        self._tied_templates: dict[tuple[str, Any], Template] = {}
        self._range_templates: dict[Any, tuple[Template, ...]] = {}

    def read(self, node: Node, hint: Any, path: str) -> Template:
        """The template of a node that must hold a `hint`, open or not."""
        if isinstance(node, Fields):
            for key, read in (
                ("tied", self._read_tied),
                ("choice", self._read_choice),
                ("range", self._read_range),
            ):
                if key in node.fields:
                    return read(node, hint, path)
        return self.read_given(node, hint, path)

    def _read_tied(self, node: Fields, hint: Any, path: str) -> Template:
        """The template of a tied value, read once for all who name it."""
        self.only_keys(node, ("tied", "times"), path)
        if "times" in node.fields:
            return self._read_scaled(node, hint, path)
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
        if (name.value, hint) not in self._tied_templates:
            self._inside = (*self._inside, name.value)
            template = self.read(self.tied[name.value], hint, f"tied.{name.value}")
            self._inside = self._inside[:-1]
            self._tied_templates[name.value, hint] = template
        template = self._tied_templates[name.value, hint]
        self.used.setdefault(name.value, template)
        return template if isinstance(template, Fixed) else Tied(name.value, template)

    def _read_scaled(self, node: Fields, hint: Any, path: str) -> Template:
        """A tied number times a given one; what comes out must be allowed where it stands."""
        times = self._number(node.fields["times"], f"{path}.times", "times needs a number")
        base = self._read_tied(Fields({"tied": node.fields["tied"]}, node.line), float, path)
        if isinstance(base, Fixed):
            return self._read_product(base, times, node, hint, path)
        assert isinstance(base, Tied)
        return Tied(base.name, self._read_product(base.template, times, node, hint, path))

    def _read_product(
        self, template: Template, times: float, node: Node, hint: Any, path: str
    ) -> Template:
        """`template` with every number in it multiplied."""
        if isinstance(template, Fixed):
            product = round(template.value * times, 10)
            value = int(product) if product.is_integer() else product
            return self.read_given(Scalar(value, node.line), hint, path)
        if isinstance(template, Tied):
            inner = self._read_product(template.template, times, node, hint, path)
            return Tied(template.name, inner)
        assert isinstance(template, Open)
        options = (self._read_product(one, times, node, hint, path) for one in template.options)
        return Open(template.gene, tuple(options))

    def _read_choice(self, node: Fields, hint: Any, path: str) -> Template:
        """One gene whose options are read like values that stand there."""
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
        labels = self._labels(listed, path)
        build = self._open(node, path, labels)
        return build(
            self.read(item, hint, _option_path(path, item, label))
            for item, label in zip(listed.items, labels, strict=True)
        )

    def _labels(self, listed: Items, path: str) -> list[Label]:
        """One name per option: two options of a kind are numbered, two equal values a slip."""
        labels: list[Label] = []
        for index, item in enumerate(listed.items):
            label = self._label(item, index)
            if label in labels:
                if isinstance(item, Scalar):
                    raise self.error(item, path, f"choice lists {label!r} twice")
                label = f"{label}#{index + 1}"
            labels.append(label)
        return labels

    def _read_range(self, node: Fields, hint: Any, path: str) -> Template:
        """One gene over evenly spaced numbers."""
        self.only_keys(node, ("range", "step"), path)
        values = self._spanned(node, path)
        build = self._open(node, path, values)
        known = (tuple(values), type(values[0]), hint)
        if known not in self._range_templates:
            self._range_templates[known] = tuple(
                self.read_given(Scalar(value, node.line), hint, path) for value in values
            )
        return build(self._range_templates[known])

    def _spanned(self, node: Fields, path: str) -> list[int | float]:
        """The values of a range, both ends included."""
        ends = node.fields["range"]
        if not isinstance(ends, Items) or len(ends.items) != 2:
            raise self.error(node, path, "range needs two numbers, as in {range: [1, 4]}")
        low, high = (self._number(end, path) for end in ends.items)
        step = self._number(node.fields.get("step", Scalar(1, node.line)), path)
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

    def _open(
        self, node: Node, path: str, labels: Sequence[Label]
    ) -> Callable[[Iterable[Template]], Template]:
        """Number the gene before its options are read, so that genes stand in the file's order."""
        if len(labels) == 1:
            return lambda options: next(iter(options))
        gene = self.genes.add(path, labels)
        if gene >= MAX_GENES:
            raise self.error(node, path, f"one open value too many; at most {MAX_GENES:,}")
        return lambda options: Open(gene, tuple(options))

    def _number(
        self, node: Node, path: str, needed: str = "range and step need numbers"
    ) -> int | float:
        """The number that a node holds."""
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(node, path, f"{needed}, not {shown(node)}")
        return value

    def _label(self, node: Node, index: int) -> Label:
        """An option's name in genomes: a value itself, a block by its kind, or a number."""
        if isinstance(node, Scalar):
            return "none" if node.value is None else node.value
        if isinstance(node, Fields) and len(node.fields) == 1 and not _is_open(node):
            return next(iter(node.fields))
        return f"option {index + 1}"


def _is_open(node: Node) -> bool:
    """Whether a node is itself an open value."""
    return isinstance(node, Fields) and any(key in node.fields for key in OPEN)


def _option_path(path: str, node: Node, label: Label) -> str:
    """Where an option of a choice lives: a second option of one kind gets a name of its own.

    So does an option that is a choice itself, which must not be taken for the one around it.
    """
    if isinstance(node, Scalar) or (isinstance(node, Fields) and str(label) in node.fields):
        return path
    return f"{path}.{label}".replace(" ", "_")


def _tidy(value: int | float) -> int | float:
    return value if isinstance(value, int) else round(value, 10)
