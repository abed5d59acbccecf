"""Which networks deserve a longer training: a ladder of fidelities, climbed asynchronously.

Every network is trained on the lowest rung. Of those scored on a rung, one in `eta` may climb to
the next, at any moment and without waiting for others, as in ASHA (Li et al., A System for
Massively Parallel Hyperparameter Tuning, 2020). Who climbs is decided by hypervolume, not by
non-dominated rank: the network that adds most to the hypervolume of those promoted before it,
which is the greedy solution of the hypervolume subset selection problem. Ranks fail with three
objectives, where nearly every network is on the first one.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import moocore

if TYPE_CHECKING:
    from nas.search._archive import Losses

ETA = 3.0
"""Of how many networks on a rung one is promoted."""
_LEAST_GAIN = 1e-9
"""Hypervolume, as accuracy times decades of cost; less is rounding."""


class Ladder:
    """Promotions between the rungs, the last of which is full training."""

    def __init__(self, num_rungs: int, reference: Losses, *, eta: float = ETA) -> None:
        """Nobody on any rung.

        Args:
            num_rungs: Full training included; with 1 nothing is ever promoted.
            reference: Losses of the worst network; one that is worse anywhere never climbs.
            eta: Of how many results on a rung one may climb, at least 1.
        """
        self._rungs = tuple(_Rung(reference, eta) for _ in range(num_rungs - 1))

    @property
    def top(self) -> int:
        """The rung of full training."""
        return len(self._rungs)

    def add(self, rung: int, number: int, losses: Losses) -> None:
        """Take in the result of trial `number` on a rung below the top."""
        self._rungs[rung].add(number, losses)

    def mark_promoted(self, rung: int, number: int) -> None:
        """Know of a promotion that an earlier session made."""
        self._rungs[rung].mark_promoted(number)

    def promote(self) -> int | None:
        """The trial that climbs next, from the highest rung where one may; None where none."""
        for rung in reversed(self._rungs):
            number = rung.promote()
            if number is not None:
                return number
        return None


class _Rung:
    def __init__(self, reference: Losses, eta: float) -> None:
        self._reference = reference
        self._eta = eta
        self._losses: dict[int, Losses] = {}
        self._promoted: dict[int, Losses] = {}
        self._bounds: list[tuple[float, int]] = []
        """(-gain, trial), a heap. Gains shrink as others are promoted: old ones are bounds."""
        self._volume = 0.0

    def add(self, number: int, losses: Losses) -> None:
        self._losses[number] = losses
        heapq.heappush(self._bounds, (-self._gain(losses), number))

    def mark_promoted(self, number: int) -> None:
        self._promoted[number] = self._losses[number]
        self._volume = self._hypervolume(list(self._promoted.values()))

    def promote(self) -> int | None:
        if len(self._promoted) + 1 > len(self._losses) / self._eta:
            return None
        number = self._best()
        if number is not None:
            self.mark_promoted(number)
        return number

    def _best(self) -> int | None:
        """The trial of the largest gain; None where nobody would add anything."""
        while self._bounds:
            _, number = self._bounds[0]
            if number in self._promoted:
                heapq.heappop(self._bounds)
                continue
            gain = self._gain(self._losses[number])
            heapq.heapreplace(self._bounds, (-gain, number))
            if self._bounds[0][1] == number:
                return number if gain > _LEAST_GAIN else None
        return None

    def _gain(self, losses: Losses) -> float:
        return self._hypervolume([*self._promoted.values(), losses]) - self._volume

    def _hypervolume(self, points: list[Losses]) -> float:
        return float(moocore.hypervolume(points, ref=self._reference))
