"""Feasible networks with what is known of them exactly, and as the model sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nas.search.samplers.model._encoding import Encoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nas.search._archive import Member
    from nas.search._problem import SearchProblem
    from nas.search.samplers._base import Knowledge
    from nas.space import Genome

    Array = NDArray[np.float64]

MAX_REMEMBERED = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class EncodedCandidate:
    """A feasible network that might be proposed."""

    genome: Genome
    arch_id: str
    costs: Array
    """(K,) decimal logarithms of the objectives that are costs."""
    row: Array
    """(F,) what the model sees."""


class CandidatePool:
    """Encodes feasible candidates, each genome once, however it is spelled."""

    def __init__(self, problem: SearchProblem, known: Knowledge) -> None:
        """What is `known` already is not new."""
        self._problem = problem
        self._ledger = known
        self._costs = [one for one in problem.objectives if one.known_before_training]
        self._encoding = Encoding(problem.space.genes)
        self._remembered: dict[Genome, EncodedCandidate | None] = {}
        self._by_trial: dict[int, EncodedCandidate] = {}

    @property
    def groups(self) -> NDArray[np.intp]:
        """(F,) which columns of a row share a length scale."""
        return self._encoding.groups

    def of(self, genome: Genome) -> EncodedCandidate | None:
        """A genome, encoded; None where its network must not be trained."""
        if genome not in self._remembered:
            canonical = self._problem.space.canonical_genome(genome)
            if canonical not in self._remembered:
                self._remember(canonical, self._encode(canonical))
            self._remember(genome, self._remembered[canonical])
        return self._remembered[genome]

    def _remember(self, genome: Genome, encoded: EncodedCandidate | None) -> None:
        while len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[genome] = encoded

    def new(self, genomes: Iterable[Genome], known: set[str]) -> list[EncodedCandidate]:
        """Feasible networks never proposed and not in `known`, to which they are added."""
        return self.unseen((one for one in map(self.of, genomes) if one is not None), known)

    def unseen(
        self, candidates: Iterable[EncodedCandidate], known: set[str]
    ) -> list[EncodedCandidate]:
        """Those never proposed and not in `known`, to which they are added."""
        found = []
        for one in candidates:
            if one.arch_id not in known and not self._ledger.knows(one.arch_id):
                known.add(one.arch_id)
                found.append(one)
        return found

    def trained(self, member: Member) -> EncodedCandidate:
        """A network that has a score, encoded."""
        return self._begun(member.number, member.genome)

    def pending(self) -> list[EncodedCandidate]:
        """Networks under evaluation."""
        entries = self._ledger.pending.values()
        return [self._begun(entry.number, entry.candidate.genome) for entry in entries]

    def _begun(self, number: int, genome: Genome) -> EncodedCandidate:
        """The network of a trial, which is asked for again and again."""
        if number not in self._by_trial:
            encoded = self.of(genome)
            assert encoded is not None, "only feasible networks are trained"
            if len(self._by_trial) >= MAX_REMEMBERED:
                del self._by_trial[next(iter(self._by_trial))]
            self._by_trial[number] = encoded
        return self._by_trial[number]

    def _encode(self, genome: Genome) -> EncodedCandidate | None:
        candidate = self._problem.candidate(genome)
        if candidate.reason is not None:
            return None
        cost = candidate.cost
        assert cost is not None, "a feasible network has costs"
        return EncodedCandidate(
            genome=genome,
            arch_id=candidate.arch.id,
            costs=np.array([one.loss(one.of_cost(cost)) for one in self._costs]),
            row=self._encoding.row(genome, self._problem.space.active_genes(genome), cost),
        )


def rows(candidates: Sequence[EncodedCandidate]) -> Array:
    """(N, F) what the model sees of N candidates, at least one."""
    return np.stack([one.row for one in candidates])


def costs(candidates: Sequence[EncodedCandidate]) -> Array:
    """(N, K) costs of N candidates, at least one."""
    return np.stack([one.costs for one in candidates])
