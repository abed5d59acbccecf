"""Which networks are trained before there is a model: unlike each other, of all costs, cheap.

Random networks of a large space are mostly expensive ones: a few of them take as long to train
as all that follows, and say little of the cheap end of the front. So the choice is among networks
no more expensive than half of the random ones, and among those met on walks from random networks
towards cheaper ones.
"""

from __future__ import annotations

import random
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from nas.search._problem import mutate_one
from nas.search.samplers.model._candidates import costs, rows
from nas.search.samplers.model._gp import Kernel, squared_distances

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nas.search._problem import SearchProblem
    from nas.search.samplers.model._candidates import CandidatePool, EncodedCandidate
    from nas.space import Genome

    Array = NDArray[np.float64]

NUM_DRAWS = 256
"""Random settings that are looked at."""
NUM_WALKS, WALK_STEPS = 32, 24
"""Walks from random networks, and the changes that each tries."""
LEAST_RANGE = 1e-9


class InitialDesign:
    """Chooses one network after the other; the same ones for the same seed."""

    def __init__(
        self, problem: SearchProblem, pool: CandidatePool, *, seed: int, first: Genome
    ) -> None:
        """`first` is feasible, for spaces in which random networks hardly ever are."""
        self._problem = problem
        self._pool = pool
        self._rng = random.Random(f"{seed}:start")
        self._first = first
        self._columns: dict[str, int] = {}

    @cached_property
    def random_candidates(self) -> list[EncodedCandidate]:
        """Feasible networks as chance has them, at least one."""
        space = self._problem.space
        genomes = (space.random_genome(self._rng) for _ in range(NUM_DRAWS))
        found = {one.arch_id: one for one in map(self._pool.of, genomes) if one is not None}
        if not found:
            one = self._pool.of(self._first)
            assert one is not None, "the first genome is feasible"
            return [one]
        return list(found.values())

    @cached_property
    def max_costs(self) -> Array:
        """(K,) the highest costs among random networks."""
        return np.asarray(costs(self.random_candidates).max(axis=0))

    def next(self, chosen: list[EncodedCandidate]) -> EncodedCandidate | None:
        """The network that is least like all `chosen`, in its settings and in its costs."""
        left = self._pool.unseen(self._choice, set())
        if not left:
            return None
        if not chosen:
            middle = np.median(self._places(self._choice), axis=0)
            return left[int(np.abs(self._places(left) - middle).sum(axis=1).argmin())]
        places = [self._place[one.arch_id] for one in left]
        columns = [self._column(one) for one in chosen]
        squares = self._squares[np.ix_(columns, places)]
        # At most 1, as the differences of costs are.
        unlikeness = np.sqrt(squares / max(squares.max(), LEAST_RANGE))
        gaps = self._gaps[np.ix_(columns, places)]
        return left[int((unlikeness + gaps).min(axis=0).argmax())]

    @cached_property
    def _choice(self) -> list[EncodedCandidate]:
        """Networks that may be chosen."""
        limits = np.median(costs(self.random_candidates), axis=0)
        walks = (
            one for start in self.random_candidates[:NUM_WALKS] for one in self._descend(start)
        )
        known = {one.arch_id: one for one in (*self.random_candidates, *walks)}
        return [one for one in known.values() if (one.costs <= limits).all()]

    def _descend(self, start: EncodedCandidate) -> Iterator[EncodedCandidate]:
        """Ever cheaper networks, one change apart."""
        space = self._problem.space
        best = start
        for _ in range(WALK_STEPS):
            one = self._pool.of(mutate_one(space, best.genome, self._rng))
            if one is not None and one.costs.sum() < best.costs.sum():
                best = one
                yield best

    @cached_property
    def _place(self) -> dict[str, int]:
        return {one.arch_id: place for place, one in enumerate(self._choice)}

    def _column(self, other: EncodedCandidate) -> int:
        """Which row of `_squares` and `_gaps` tells how unlike a network all of the choice is."""
        if other.arch_id not in self._columns:
            number = self._columns[other.arch_id] = len(self._columns)
            if number == len(self._squares):
                self._squares, self._gaps = _doubled(self._squares), _doubled(self._gaps)
            self._squares[number] = squared_distances(
                self._scaled, self._kernel.scaled(rows([other]), self._pool.groups)
            )[:, 0]
            gaps = np.abs(self._places(self._choice) - self._places([other]))
            self._gaps[number] = gaps.max(axis=1, initial=0.0)
        return self._columns[other.arch_id]

    @cached_property
    def _squares(self) -> Array:
        """(chosen, N) squared distances of settings, before anything is known."""
        return np.empty((1, len(self._choice)))

    @cached_property
    def _gaps(self) -> Array:
        """(chosen, N) by the cost that differs most; 1 is all that random networks span."""
        return np.empty((1, len(self._choice)))

    @cached_property
    def _kernel(self) -> Kernel:
        return Kernel.prior(int(self._pool.groups.max()) + 1)

    @cached_property
    def _scaled(self) -> Array:
        """(N, F) the choice in units of the prior's length scales."""
        return self._kernel.scaled(rows(self._choice), self._pool.groups)

    def _places(self, candidates: list[EncodedCandidate]) -> Array:
        """(N, K) costs in units of the range between the cheapest and the dearest."""
        span = np.maximum(self.max_costs - costs(self._choice).min(axis=0), LEAST_RANGE)
        return np.asarray(costs(candidates) / span)


def _doubled(table: Array) -> Array:
    """With as many further rows as it has."""
    return np.concatenate([table, np.empty_like(table)])
