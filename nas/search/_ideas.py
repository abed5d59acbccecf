"""Networks that might be proposed: what is known of them exactly, and how a model sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nas.search._encoding import Encoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nas.search._archive import Archive, Member
    from nas.search._searchable import Searchable
    from nas.space import Genome

    Array = NDArray[np.float64]

MAX_REMEMBERED = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class Idea:
    """A feasible network that might be proposed."""

    genome: Genome
    arch_id: str
    costs: Array
    """(K,) decimal logarithms of the objectives that are costs."""
    row: Array
    """(F,) what the model sees."""


class Ideas:
    """Turns genomes into ideas, each once."""

    def __init__(self, problem: Searchable, archive: Archive) -> None:
        """What is in `archive` already is not new."""
        self._problem = problem
        self._archive = archive
        self._costs = [one for one in problem.objectives if one.known_before_training]
        self._encoding = Encoding(problem.space.genes)
        self._remembered: dict[Genome, Idea | None] = {}
        self._trained: dict[int, Idea] = {}

    @property
    def groups(self) -> NDArray[np.intp]:
        """(F,) which columns of a row share a length scale."""
        return self._encoding.groups

    def of(self, genome: Genome) -> Idea | None:
        """A genome as an idea; None where its network must not be trained."""
        genome = self._problem.space.canonical_genome(genome)
        if genome not in self._remembered:
            if len(self._remembered) >= MAX_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[genome] = self._look(genome)
        return self._remembered[genome]

    def new(self, genomes: Iterable[Genome], known: set[str]) -> list[Idea]:
        """Feasible networks never proposed and not in `known`, to which they are added."""
        return self.unseen((idea for idea in map(self.of, genomes) if idea is not None), known)

    def unseen(self, ideas: Iterable[Idea], known: set[str]) -> list[Idea]:
        """Those never proposed and not in `known`, to which they are added."""
        found = []
        for idea in ideas:
            if idea.arch_id not in known and not self._archive.knows(idea.arch_id):
                known.add(idea.arch_id)
                found.append(idea)
        return found

    def trained(self, member: Member) -> Idea:
        """What a network was before it was trained."""
        if member.number not in self._trained:
            idea = self.of(member.genome)
            assert idea is not None, "only feasible networks are trained"
            self._trained[member.number] = idea
        return self._trained[member.number]

    def _look(self, genome: Genome) -> Idea | None:
        candidate = self._problem.candidate(genome)
        if candidate.reason is not None:
            return None
        cost = candidate.cost
        assert cost is not None, "a feasible network has costs"
        return Idea(
            genome=genome,
            arch_id=candidate.arch.id,
            costs=np.array([one.loss(one.of_cost(cost)) for one in self._costs]),
            row=self._encoding.row(genome, self._problem.space.active_genes(genome), cost),
        )


def rows(ideas: Sequence[Idea]) -> Array:
    """(N, F) what the model sees of N ideas, at least one."""
    return np.stack([idea.row for idea in ideas])


def costs(ideas: Sequence[Idea]) -> Array:
    """(N, K) costs of N ideas, at least one."""
    return np.stack([idea.costs for idea in ideas])
