"""The successful networks of a search and the best two ranks among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nas.pareto import dominates, non_dominated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nas.metrics import Metric
    from nas.space import Genome
    from nas.trial import Cost, Scores

ObjectiveVector = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A network with a score."""

    number: int
    """Its trial."""
    arch_id: str
    genome: Genome
    """Canonical."""
    objective_vector: ObjectiveVector
    """One value per objective, all to be minimised; costs as decimal logarithms."""


@dataclass(slots=True)
class Archive:
    """Networks with scores, in order of arrival, and the two best non-dominated ranks."""

    ranks_in_order: bool = False
    """Whether the ranks are in order of arrival too, however they came about."""
    members: list[Member] = field(default_factory=list)
    front: list[Member] = field(default_factory=list)
    """Those that no other dominates; equally good ones are all there."""
    second: list[Member] = field(default_factory=list)
    """Those that only members of the front dominate."""
    _arrivals: dict[int, int] = field(default_factory=dict)

    def add(self, member: Member) -> bool:
        """Take in a member; True if nothing known dominates it."""
        self.members.append(member)
        self._arrivals[member.number] = len(self._arrivals)
        on_front = self._rank(member)
        if self.ranks_in_order:
            self.second.sort(key=lambda one: self._arrivals[one.number])
        return on_front

    def _rank(self, member: Member) -> bool:
        vector = member.objective_vector
        if not any(dominates(other.objective_vector, vector) for other in self.front):
            self.front, beaten = _insert(self.front, [member])
            self.second, _ = _insert(self.second, beaten)
            return True
        # What falls out of the second rank never comes back.
        if not any(dominates(other.objective_vector, vector) for other in self.second):
            self.second, _ = _insert(self.second, [member])
        return False

    def replace_all(self, members: Iterable[Member]) -> None:
        """Hold these members instead, and rank them anew."""
        self.members = list(members)
        self._arrivals = {member.number: place for place, member in enumerate(self.members)}
        self.front, rest = _split(self.members)
        self.second, _ = _split(rest)


def _split(members: list[Member]) -> tuple[list[Member], list[Member]]:
    """Those that no other dominates, and the others."""
    mask = non_dominated(np.array([member.objective_vector for member in members]))
    pairs = list(zip(members, mask, strict=True))
    return [one for one, best in pairs if best], [one for one, best in pairs if not best]


def _insert(rank: list[Member], new: list[Member]) -> tuple[list[Member], list[Member]]:
    """The rank with `new`, and those of its members that `new` dominates."""
    beaten = [
        old
        for old in rank
        if any(dominates(one.objective_vector, old.objective_vector) for one in new)
    ]
    gone = {old.number for old in beaten}
    return [old for old in rank if old.number not in gone] + new, beaten


def objective_vector(
    objectives: tuple[Metric, ...], cost: Cost, scores: Scores
) -> ObjectiveVector:
    """Values to be minimised: accuracies negated, costs as decimal logarithms."""
    return tuple(one.loss(one.value(cost, scores)) for one in objectives)
