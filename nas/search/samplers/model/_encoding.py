"""Networks as rows of numbers for a model: genes, counts over similar genes, and exact costs."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nas.space import Gene, Genome
    from nas.trial import Cost

    Array = NDArray[np.float64]

COSTS = ("params", "macs", "peak_activation_bytes")


@dataclass(frozen=True)
class Encoding:
    """How a network becomes columns, and which columns share a length scale.

    A gene's options are the corners of a simplex with sides of length 1; a gene that is not
    active is the origin, so two networks without it do not differ in it. Where options are
    ordered, half of the squared distance follows the order instead. Genes that differ only in
    numbers of their names (the same setting of several stages) also have their options counted:
    what is learned of an option in one place then holds, to a degree, for the others.
    """

    genes: tuple[Gene, ...]

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """Each column's group: a gene, a cost, or the counts of a family of genes."""
        numbers: list[int] = []
        for number, gene in enumerate(self.genes):
            numbers += [number] * (len(gene.labels) + gene.ordered)
        first = len(self.genes)
        numbers += range(first, first + len(COSTS))
        for number, family in enumerate(self._families, first + len(COSTS)):
            numbers += [number] * len(self.genes[family[0]].labels)
        return np.array(numbers, dtype=np.intp)

    @cached_property
    def _families(self) -> tuple[tuple[int, ...], ...]:
        members: dict[tuple[object, ...], list[int]] = {}
        for number, gene in enumerate(self.genes):
            kind = (re.sub(r"\d+", "#", gene.name), gene.labels)
            members.setdefault(kind, []).append(number)
        return tuple(tuple(family) for family in members.values() if len(family) > 1)

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        """Each gene's first column."""
        widths = [len(gene.labels) + gene.ordered for gene in self.genes]
        return tuple(sum(widths[:number]) for number in range(len(widths)))

    @cached_property
    def _neutral(self) -> Array:
        """The columns of a network without any gene: in the middle of every order."""
        columns = np.zeros(len(self.groups))
        for start, gene in zip(self._starts, self.genes, strict=True):
            if gene.ordered:
                columns[start + len(gene.labels)] = 0.5 * math.sqrt(0.5)
        return columns

    def row(self, genome: Genome, active: tuple[int, ...], cost: Cost) -> Array:
        """One network's columns."""
        columns = self._neutral.copy()
        for number in active:
            self._set_gene(columns, number, genome[number])
        place = len(columns) - sum(len(self.genes[one[0]].labels) for one in self._families)
        # Decades: a factor of ten in cost weighs as much as another option.
        columns[place - len(COSTS) : place] = [
            math.log10(max(getattr(cost, name), 1)) for name in COSTS
        ]
        alive = set(active)
        for family in self._families:
            for number in alive.intersection(family):
                columns[place + genome[number]] += 1 / math.sqrt(len(family))
            place += len(self.genes[family[0]].labels)
        return columns

    def _set_gene(self, columns: Array, number: int, choice: int) -> None:
        gene, start = self.genes[number], self._starts[number]
        columns[start + choice] = math.sqrt(0.25 if gene.ordered else 0.5)
        if gene.ordered:
            size = len(gene.labels)
            columns[start + size] = choice / max(size - 1, 1) * math.sqrt(0.5)
