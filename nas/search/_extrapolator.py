"""What full training would give, as far as is known: the archive that samplers look at.

Where every network is trained in full, this is the archive of results. On a ladder most networks
have only a score from a lower rung; it counts as an estimate, its error multiplied by the median
ratio between full training and that rung among networks that have both.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import replace
from typing import TYPE_CHECKING

from nas.metrics import score_of
from nas.search._archive import Archive, Member

if TYPE_CHECKING:
    from nas.metrics import Metric

MIN_PAIRS = 3
"""Networks scored on a rung and in full before the two are compared."""
TOLERANCE = 2e-3
"""Relative change of a ratio below which estimates stay as they are."""


class FidelityExtrapolator:
    """Keeps an archive of results and estimates up to date."""

    def __init__(self, objectives: tuple[Metric, ...], results: Archive, top: int) -> None:
        """Start with nothing known.

        Args:
            objectives: Accuracy among them.
            results: Networks trained in full; somebody else fills it.
            top: The rung of full training.
        """
        self._accuracy = objectives.index(score_of(objectives))
        self._top = top
        self._archive = Archive(ranks_in_order=True) if top else results
        self._scored: dict[int, list[Member]] = {}
        """By trial: a member for each rung climbed, the last one being what is known best."""
        self._estimates: dict[int, Member] = {}
        self._pairs: list[list[float]] = [[] for _ in range(top)]
        """By rung: error after full training over error on the rung, sorted."""
        self._ratios: list[float | None] = [None] * top
        """By rung: the median ratio in use."""
        self._stale = False

    @property
    def archive(self) -> Archive:
        """Results, and estimates for networks without one."""
        if self._stale:
            self._archive.replace_all(self._estimates.values())
            self._stale = False
        return self._archive

    def add(self, member: Member) -> None:
        """Take in a score from the next rung of the member's trial."""
        if not self._top:
            return
        climbed = self._scored.setdefault(member.number, [])
        climbed.append(member)
        if len(climbed) > self._top:
            self._compare(climbed)
        self._estimates[member.number] = self._estimate(climbed)
        if len(climbed) == 1 and not self._stale:
            self._archive.add(self._estimates[member.number])
        else:
            self._stale = True

    def drop(self, number: int) -> None:
        """Forget a network that failed on a higher rung."""
        if self._scored.pop(number, None) is not None:
            del self._estimates[number]
            self._stale = True

    def _compare(self, climbed: list[Member]) -> None:
        """Learn the ratios of a network that has scores on all rungs."""
        for rung, below in enumerate(climbed[:-1]):
            pairs = self._pairs[rung]
            insort(pairs, self._error(climbed[-1]) / max(self._error(below), 1e-6))
            ratio, used = pairs[len(pairs) // 2], self._ratios[rung]
            if len(pairs) % 2 == 0:
                ratio = (ratio + pairs[len(pairs) // 2 - 1]) / 2
            if len(pairs) >= MIN_PAIRS and (used is None or abs(ratio / used - 1) > TOLERANCE):
                self._ratios[rung] = ratio
                self._renew(rung)

    def _renew(self, rung: int) -> None:
        """Estimate anew whatever has this rung's score as its last."""
        for number, climbed in self._scored.items():
            if len(climbed) - 1 == rung:
                self._estimates[number] = self._estimate(climbed)

    def _estimate(self, climbed: list[Member]) -> Member:
        rung, member = len(climbed) - 1, climbed[-1]
        ratio = None if rung == self._top else self._ratios[rung]
        if ratio is None:
            return member
        vector = list(member.objective_vector)
        vector[self._accuracy] = min(self._error(member) * ratio, 1.0) - 1
        return replace(member, objective_vector=tuple(vector))

    def _error(self, member: Member) -> float:
        return 1 + member.objective_vector[self._accuracy]
