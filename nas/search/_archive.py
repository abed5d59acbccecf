"""What has been learned so far: every network once, by its id, and which of them are best."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.space import Genome
    from nas.trial import Cost, Evaluation, Objective, Scores

Losses = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A network that was evaluated with success."""

    number: int
    """Its trial."""
    arch_id: str
    genome: Genome
    losses: Losses
    """Its objective values, all to be minimised; costs as logarithms."""
    rung: int = 0
    """The rung of the fidelity ladder at which it was scored, counted from the cheapest."""


@dataclass(slots=True)
class Archive:
    """Networks evaluated or under evaluation. The study is the record; this is its index."""

    objectives: tuple[Objective, ...]
    top_rung: int = 0
    """The rung of full training, at which `members` were scored; 0 where there is no ladder."""
    pending: dict[str, int] = field(default_factory=dict)
    """Networks being evaluated now: id -> trial number."""
    finished: dict[str, int] = field(default_factory=dict)
    """Networks evaluated, with or without success: id -> trial number."""
    members: list[Member] = field(default_factory=list)
    """The successful ones, in order of arrival."""
    front: list[Member] = field(default_factory=list)
    """Those that no other dominates; equally good ones are all there."""
    second: list[Member] = field(default_factory=list)
    """Those that only members of the front dominate."""
    screened: list[Member] = field(default_factory=list)
    """Results below the top rung, in order of arrival; also of networks that became members."""

    def add(self, genome: Genome, evaluation: Evaluation) -> bool:
        """Take in a successful evaluation; True if nothing known dominates it."""
        assert evaluation.cost is not None
        assert evaluation.scores is not None
        member = Member(
            number=evaluation.number,
            arch_id=evaluation.arch.id,
            genome=genome,
            losses=_losses(self.objectives, evaluation.cost, evaluation.scores),
            rung=self.top_rung,
        )
        self.members.append(member)
        return self._place(member)

    def knows(self, arch_id: str) -> bool:
        """Whether this network was evaluated or is being evaluated."""
        return arch_id in self.finished or arch_id in self.pending

    def _place(self, member: Member) -> bool:
        """Update the two best ranks; what falls out of the second never comes back."""
        if not any(dominates(other.losses, member.losses) for other in self.front):
            self.front, beaten = _insert(self.front, [member])
            self.second, _ = _insert(self.second, beaten)
            return True
        if not any(dominates(other.losses, member.losses) for other in self.second):
            self.second, _ = _insert(self.second, [member])
        return False


def dominates(one: Losses, other: Losses) -> bool:
    """Whether `one` is nowhere worse and somewhere better."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def _insert(rank: list[Member], new: list[Member]) -> tuple[list[Member], list[Member]]:
    """The rank with `new`, and those of its members that `new` dominates."""
    beaten = [old for old in rank if any(dominates(one.losses, old.losses) for one in new)]
    gone = {old.number for old in beaten}
    return [old for old in rank if old.number not in gone] + new, beaten


def _losses(objectives: tuple[Objective, ...], cost: Cost, scores: Scores) -> Losses:
    values = ((one.direction, one.value(cost, scores)) for one in objectives)
    return tuple(
        -value if direction == "maximize" else math.log10(max(value, 1.0))
        for direction, value in values
    )
