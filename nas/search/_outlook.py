"""What full training would give, as far as is known: the archive that samplers look at.

Where every network is trained in full, this is the archive of results. On a ladder most networks
have only a score from a lower rung; it counts as an estimate, its error multiplied by the median
ratio between full training and that rung among networks that have both.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass, field

from nas.search._archive import Archive, Member

MIN_PAIRS = 3
"""Networks scored on a rung and in full before the two are compared."""


@dataclass(slots=True)
class Outlook:
    """Keeps an archive of results and estimates up to date."""

    results: Archive
    """Networks trained in full."""
    top: int
    """The rung of full training."""
    archive: Archive = field(init=False)
    """With estimates for the others; `results` itself where there is but one rung."""
    _scored: dict[int, list[Member]] = field(default_factory=dict)
    """By trial: a member for each rung climbed, the last one being what is known best."""
    _pairs: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By rung: error after full training over error on the rung."""

    def __post_init__(self) -> None:
        """Start from what `results` shares with the archive of estimates."""
        self.archive = self.results
        if self.top:
            self.archive = Archive(
                self.results.objectives,
                pending=self.results.pending,
                paused=self.results.paused,
                finished=self.results.finished,
            )

    def add(self, member: Member) -> None:
        """Take in a score from the next rung of the member's trial."""
        if not self.top:
            return
        climbed = self._scored.setdefault(member.number, [])
        climbed.append(member)
        if len(climbed) == 1:
            self.archive.insert(self._estimate(climbed))
            return
        if len(climbed) > self.top:
            for rung, below in enumerate(climbed[:-1]):
                self._pairs[rung].append(self._error(member) / max(self._error(below), 1e-6))
        self._rebuild()

    def drop(self, number: int) -> None:
        """Forget a network that failed on a higher rung."""
        if self._scored.pop(number, None) is not None:
            self._rebuild()

    def _rebuild(self) -> None:
        """Estimate all anew, in order of arrival."""
        for rank in (self.archive.members, self.archive.front, self.archive.second):
            rank.clear()
        for climbed in self._scored.values():
            self.archive.insert(self._estimate(climbed))

    def _estimate(self, climbed: list[Member]) -> Member:
        rung, member = len(climbed) - 1, climbed[-1]
        if rung == self.top or len(self._pairs[rung]) < MIN_PAIRS:
            return member
        error = min(self._error(member) * statistics.median(self._pairs[rung]), 1.0)
        losses = tuple(
            error - 1 if place == self._accuracy else loss
            for place, loss in enumerate(member.losses)
        )
        return Member(
            number=member.number, arch_id=member.arch_id, genome=member.genome, losses=losses
        )

    def _error(self, member: Member) -> float:
        return 1 + member.losses[self._accuracy]

    @property
    def _accuracy(self) -> int:
        return [one.name for one in self.results.objectives].index("accuracy")
