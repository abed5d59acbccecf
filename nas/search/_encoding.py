"""Networks as rows of numbers for a model: genes, costs, and what the problem adds."""

from __future__ import annotations

import math
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
    """How a network's genes and costs become columns, and which columns belong together.

    A gene's options are the corners of a simplex with sides of length 1; a gene that is not
    active is the origin, so two networks without it do not differ in it. Where options are
    ordered, half of the squared distance follows the order instead.
    """

    genes: tuple[Gene, ...]
    num_features: int = 0
    """Columns the problem adds."""

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """Each column's group: a gene, a cost, or all that the problem adds."""
        numbers: list[int] = []
        for number, gene in enumerate(self.genes):
            numbers += [number] * (len(gene.labels) + gene.ordered)
        numbers += [len(self.genes) + number for number in range(len(COSTS))]
        numbers += [len(self.genes) + len(COSTS)] * self.num_features
        return np.array(numbers, dtype=np.intp)

    def row(
        self, genome: Genome, active: tuple[int, ...], cost: Cost, features: tuple[float, ...]
    ) -> Array:
        """One network's columns."""
        columns: list[float] = []
        alive = set(active)
        for number, gene in enumerate(self.genes):
            columns += _gene_columns(gene, genome[number] if number in alive else None)
        # Decades: a factor of ten in cost weighs as much as another option.
        columns += [math.log10(max(getattr(cost, name), 1)) for name in COSTS]
        columns += features
        return np.array(columns)


def _gene_columns(gene: Gene, choice: int | None) -> list[float]:
    size = len(gene.labels)
    side = math.sqrt(0.25 if gene.ordered else 0.5)
    columns = [side * (option == choice) for option in range(size)]
    if gene.ordered:
        place = 0.5 if choice is None else choice / max(size - 1, 1)
        columns.append(math.sqrt(0.5) * place)
    return columns
