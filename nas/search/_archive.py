"""What has been learned so far: every network once, by its id, and which of them are best."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.metrics import Metric
    from nas.space import Genome
    from nas.trial import Cost, Evaluation, Scores

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


@dataclass(slots=True)
class Archive:
    """Networks evaluated or under evaluation. The study is the record; this is its index."""

    objectives: tuple[Metric, ...]
    pending: dict[str, int] = field(default_factory=dict)
    """Networks being evaluated now: id -> trial number."""
    paused: dict[str, int] = field(default_factory=dict)
    """Networks trained on a low rung only, which may yet be promoted: id -> trial number."""
    finished: dict[str, int] = field(default_factory=dict)
    """Networks evaluated, with or without success: id -> trial number."""
    members: list[Member] = field(default_factory=list)
    """The successful ones, in order of arrival."""
    front: list[Member] = field(default_factory=list)
    """Those that no other dominates; equally good ones are all there."""
    second: list[Member] = field(default_factory=list)
    """Those that only members of the front dominate."""

    def add(self, genome: Genome, evaluation: Evaluation) -> bool:
        """Take in a successful evaluation; True if nothing known dominates it."""
        assert evaluation.cost is not None
        assert evaluation.scores is not None
        member = Member(
            number=evaluation.number,
            arch_id=evaluation.arch.id,
            genome=genome,
            losses=losses_of(self.objectives, evaluation.cost, evaluation.scores),
        )
        return self.insert(member)

    def insert(self, member: Member) -> bool:
        """Take in a member as it is; True if nothing known dominates it."""
        self.members.append(member)
        return self._place(member)

    def knows(self, arch_id: str) -> bool:
        """Whether this network was evaluated, on whatever rung, or is being evaluated."""
        return arch_id in self.finished or arch_id in self.pending or arch_id in self.paused

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


def losses_of(objectives: tuple[Metric, ...], cost: Cost, scores: Scores) -> Losses:
    """Metric values to be minimised: accuracies negated, costs as decimal logarithms."""
    return tuple(one.loss(one.value(cost, scores)) for one in objectives)
