"""Open values: a model file as a tree that becomes an architecture once its genes are chosen.

A *gene* is one open value with a name, the path of the value, and a fixed list of options. A
*genome* gives every gene the index of an option, also the genes of blocks that are not chosen:
those are inactive and leave no trace in the architecture.
"""

from __future__ import annotations

import math
from bisect import bisect
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias, Union

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

Genome: TypeAlias = tuple[int, ...]
Label: TypeAlias = int | float | str | bool
Template: TypeAlias = Union["Fixed", "Open", "Tied", "Record", "Sequenced"]


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

    @property
    def ways(self) -> int:
        """There is one way to choose nothing."""
        return 1

    def build(self, genome: Genome, active: set[int]) -> Any:
        """The value."""
        return self.value

    def draw(self, rng: random.Random, genome: list[int], tied: set[str]) -> None:
        """Nothing to choose."""


@dataclass(frozen=True)
class Open:
    """A value that gene number `gene` chooses."""

    gene: int
    options: tuple[Template, ...]

    @cached_property
    def ways(self) -> int:
        """Settings of all options together, every use of a tied value taken as one."""
        return self._cumulated[-1]

    @cached_property
    def _cumulated(self) -> list[int]:
        return list(accumulate(option.ways for option in self.options))

    def build(self, genome: Genome, active: set[int]) -> Any:
        """The chosen option's value; notes the gene as active."""
        active.add(self.gene)
        return self.options[genome[self.gene]].build(genome, active)

    def draw(self, rng: random.Random, genome: list[int], tied: set[str]) -> None:
        """Choose an option in proportion to its settings, and draw inside it."""
        option = bisect(self._cumulated, rng.randrange(self.ways))
        genome[self.gene] = option
        self.options[option].draw(rng, genome, tied)


@dataclass(frozen=True, slots=True)
class Tied:
    """A use of the tied value `name`: wherever it is used, the same genes choose."""

    name: str
    template: Template

    @property
    def ways(self) -> int:
        """One: the tied value's own settings are counted once for all its uses."""
        return 1

    def build(self, genome: Genome, active: set[int]) -> Any:
        """The tied value."""
        return self.template.build(genome, active)

    def draw(self, rng: random.Random, genome: list[int], tied: set[str]) -> None:
        """Draw the tied value at its first use; notes its name."""
        if self.name not in tied:
            tied.add(self.name)
            self.template.draw(rng, genome, tied)


@dataclass(frozen=True)
class Record:
    """A record whose fields may be open."""

    cls: type
    fields: tuple[tuple[str, Template], ...]

    @property
    def parts(self) -> tuple[Template, ...]:
        """What stands in the fields."""
        return tuple(item for _, item in self.fields)

    @cached_property
    def ways(self) -> int:
        """Settings of all fields in combination."""
        return math.prod(item.ways for item in self.parts)

    def build(self, genome: Genome, active: set[int]) -> Any:
        """The record."""
        return self.cls(**{key: item.build(genome, active) for key, item in self.fields})

    def draw(self, rng: random.Random, genome: list[int], tied: set[str]) -> None:
        """Draw in every field."""
        for _, item in self.fields:
            item.draw(rng, genome, tied)


@dataclass(frozen=True)
class Sequenced:
    """A list whose items may be open."""

    items: tuple[Template, ...]

    @property
    def parts(self) -> tuple[Template, ...]:
        """The items."""
        return self.items

    @cached_property
    def ways(self) -> int:
        """Settings of all items in combination."""
        return math.prod(item.ways for item in self.items)

    def build(self, genome: Genome, active: set[int]) -> tuple[Any, ...]:
        """The items."""
        return tuple(item.build(genome, active) for item in self.items)

    def draw(self, rng: random.Random, genome: list[int], tied: set[str]) -> None:
        """Draw in every item."""
        for item in self.items:
            item.draw(rng, genome, tied)


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


def simplify(cls: type, fields: Sequence[tuple[str, Template]]) -> Template:
    """A record template, or the record itself where nothing in it is open."""
    record = Record(cls, tuple(fields))
    if all(isinstance(item, Fixed) for _, item in fields):
        return Fixed(record.build((), set()))
    return record
