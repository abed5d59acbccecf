"""Which networks deserve a longer training: a ladder of fidelities, climbed asynchronously.

Every network is trained on the lowest rung. Of those scored on a rung, one in `eta` may climb to
the next, at any moment and without waiting for others, as in ASHA (Li et al., A System for
Massively Parallel Hyperparameter Tuning, 2020). Who climbs is decided by hypervolume, not by
non-dominated rank: the network that adds most to the hypervolume of those promoted before it,
which is the greedy solution of the hypervolume subset selection problem. Ranks fail with three
objectives, where nearly every network is on the first one. With a single objective the best climb.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Protocol

from nas.pareto import dominates, hypervolume

if TYPE_CHECKING:
    from nas.search._archive import ObjectiveVector

ETA = 3.0
"""Of how many networks on a rung one is promoted."""
_LEAST_GAIN = 1e-9
"""Hypervolume, as accuracy times decades of cost; less is rounding."""


class Promoter(Protocol):
    """Decides who climbs a ladder; rungs count from 0, the cheapest."""

    def add(self, rung: int, number: int, vector: ObjectiveVector) -> None:
        """Take in the result of trial `number` on a rung below the top."""

    def mark_promoted(self, rung: int, number: int) -> None:
        """Take in a promotion that was decided before."""

    def close(self, rung: int, number: int) -> None:
        """Trial `number` stays where it is for good."""

    def promote(self) -> int | None:
        """The trial that climbs next; None where none may."""


class Ladder:
    """Promotions between the rungs, the last of which is full training."""

    def __init__(self, num_rungs: int, reference: ObjectiveVector, *, eta: float = ETA) -> None:
        """Start with no results.

        Args:
            num_rungs: Full training included; with 1 nothing is ever promoted.
            reference: Objective vector of the worst network that counts; one that is worse in
                any objective never climbs.
            eta: Of how many results on a rung one may climb, at least 1.
        """
        self._rungs = tuple(_Rung(reference, eta) for _ in range(num_rungs - 1))

    def add(self, rung: int, number: int, vector: ObjectiveVector) -> None:
        """Take in the result of trial `number` on a rung below the top."""
        self._rungs[rung].add(number, vector)

    def mark_promoted(self, rung: int, number: int) -> None:
        """Take in a promotion that was decided before."""
        self._rungs[rung].mark_promoted(number)

    def close(self, rung: int, number: int) -> None:
        """Trial `number` stays where it is: an earlier search ended before it could climb."""
        self._rungs[rung].close(number)

    def promote(self) -> int | None:
        """The trial that climbs next, from the highest rung where one may; None where none."""
        for rung in reversed(self._rungs):
            number = rung.promote()
            if number is not None:
                return number
        return None


class _Rung:
    """Results on one rung, and those of them that were promoted."""

    def __init__(self, reference: ObjectiveVector, eta: float) -> None:
        self._reference = reference
        self._eta = eta
        self._vectors: dict[int, ObjectiveVector] = {}
        self._promoted: set[int] = set()
        self._closed: set[int] = set()
        self._front: list[ObjectiveVector] = []
        """Of the promoted ones those that no other dominates: the others add no volume."""
        self._bounds: list[tuple[float, int]] = []
        """(-gain, trial), a heap. Gains shrink as others are promoted: old ones are bounds."""
        self._volume = 0.0

    def add(self, number: int, vector: ObjectiveVector) -> None:
        self._vectors[number] = vector
        heapq.heappush(self._bounds, (-self._gain(vector), number))

    def mark_promoted(self, number: int) -> None:
        vector = self._vectors[number]
        self._promoted.add(number)
        if any(one == vector or dominates(one, vector) for one in self._front):
            return
        self._front = [one for one in self._front if not dominates(vector, one)] + [vector]
        self._volume = hypervolume(self._front, self._reference)

    def close(self, number: int) -> None:
        self._closed.add(number)

    def promote(self) -> int | None:
        if len(self._promoted) + 1 > len(self._vectors) / self._eta:
            return None
        number = self._best()
        if number is not None:
            self.mark_promoted(number)
        return number

    def _best(self) -> int | None:
        """The trial of the largest gain; None where none would add anything."""
        while self._bounds:
            _, number = self._bounds[0]
            if number in self._promoted or number in self._closed:
                heapq.heappop(self._bounds)
                continue
            gain = self._gain(self._vectors[number])
            heapq.heapreplace(self._bounds, (-gain, number))
            if self._bounds[0][1] == number:
                return number if gain > _LEAST_GAIN else None
        return None

    def _gain(self, vector: ObjectiveVector) -> float:
        if len(vector) == 1:
            # What it is worth itself, as in ASHA: only records would add anything.
            return self._reference[0] - vector[0]
        return hypervolume([*self._front, vector], self._reference) - self._volume
