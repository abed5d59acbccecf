"""Open values: a model file as a tree that becomes an architecture once its genes are chosen.

A *gene* is one open value with a name, the path of the value, and a fixed list of options. A
*genome* gives every gene the index of an option, also the genes of blocks that are not chosen:
those are inactive and leave no trace in the architecture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias, Union

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

Genome: TypeAlias = tuple[int, ...]
Label: TypeAlias = int | float | str | bool
Template: TypeAlias = Union["Fixed", "Open", "Tied", "Record", "Sequenced"]
Usage: TypeAlias = Mapping[frozenset[str], int]
"""Settings counted by the tied values that they use; every tied value itself counts once."""

NOTHING_TIED: Usage = {frozenset(): 1}


@dataclass(frozen=True, slots=True)
class Gene:
    """One open value."""

    name: str
    """Path in the model file, such as `stages.1.block.lru.reuse`, or `tied.NAME`."""
    labels: tuple[Label, ...]
    """One per option, all different: the value itself, or the name of a kind."""
    ordered: bool
    """Whether neighbouring options are similar: all labels are numbers."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A value that is given."""

    value: Any

    def build(self, genome: Genome, active: set[int]) -> Any:
        """The value."""
        return self.value

    def usage(self) -> Usage:
        """One setting."""
        return NOTHING_TIED

    def draw(self, rng: random.Random, genome: list[int]) -> None:
        """Nothing to choose."""


@dataclass(frozen=True, slots=True)
class Open:
    """A value that gene number `gene` chooses."""

    gene: int
    options: tuple[Template, ...]

    def build(self, genome: Genome, active: set[int]) -> Any:
        """The chosen option's value; notes the gene as active."""
        active.add(self.gene)
        return self.options[genome[self.gene]].build(genome, active)

    def usage(self) -> Usage:
        """Settings of all options together."""
        total = Counter[frozenset[str]]()
        for option in self.options:
            total.update(option.usage())
        return total

    def draw(self, rng: random.Random, genome: list[int]) -> None:
        """Choose an option in proportion to its settings, and draw inside it."""
        counts = [sum(option.usage().values()) for option in self.options]
        genome[self.gene] = rng.choices(range(len(counts)), counts)[0]
        self.options[genome[self.gene]].draw(rng, genome)


@dataclass(frozen=True, slots=True)
class Tied:
    """A use of the tied value `name`: wherever it is used, the same genes choose."""

    name: str
    template: Template

    def build(self, genome: Genome, active: set[int]) -> Any:
        """The tied value."""
        return self.template.build(genome, active)

    def usage(self) -> Usage:
        """One setting, which uses this value."""
        return {frozenset({self.name}): 1}

    def draw(self, rng: random.Random, genome: list[int]) -> None:
        """Nothing: a tied value is drawn once for all its uses."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record whose fields may be open."""

    cls: type
    fields: tuple[tuple[str, Template], ...]

    def build(self, genome: Genome, active: set[int]) -> Any:
        """The record."""
        return self.cls(**{key: item.build(genome, active) for key, item in self.fields})

    def usage(self) -> Usage:
        """Settings of all fields in combination."""
        return combine(item.usage() for _, item in self.fields)

    def draw(self, rng: random.Random, genome: list[int]) -> None:
        """Draw in every field."""
        for _, item in self.fields:
            item.draw(rng, genome)


@dataclass(frozen=True, slots=True)
class Sequenced:
    """A list whose items may be open."""

    items: tuple[Template, ...]

    def build(self, genome: Genome, active: set[int]) -> tuple[Any, ...]:
        """The items."""
        return tuple(item.build(genome, active) for item in self.items)

    def usage(self) -> Usage:
        """Settings of all items in combination."""
        return combine(item.usage() for item in self.items)

    def draw(self, rng: random.Random, genome: list[int]) -> None:
        """Draw in every item."""
        for item in self.items:
            item.draw(rng, genome)


@dataclass(slots=True)
class GeneList:
    """Collects genes while a file is read; a tied value is one gene however often it is used."""

    genes: list[Gene] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, labels: Sequence[Label]) -> int:
        """Number of the gene called `name`, made on first sight."""
        if name not in self._numbers:
            ordered = all(
                isinstance(label, int | float) and not isinstance(label, bool) for label in labels
            )
            self._numbers[name] = len(self.genes)
            self.genes.append(Gene(name, tuple(labels), ordered))
        return self._numbers[name]


def combine(parts: Iterable[Usage]) -> Usage:
    """Settings of several parts in combination."""
    total = NOTHING_TIED
    for part in parts:
        both = Counter[frozenset[str]]()
        for (one, ways), (other, more) in product(total.items(), part.items()):
            both[one | other] += ways * more
        total = both
    return total


def simplify(cls: type, fields: Sequence[tuple[str, Template]]) -> Template:
    """A record template, or the record itself where nothing in it is open."""
    record = Record(cls, tuple(fields))
    if all(isinstance(item, Fixed) for _, item in fields):
        return Fixed(record.build((), set()))
    return record
