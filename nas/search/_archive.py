"""What has been learned so far: every network once, by its id, and who dominates whom."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import moocore
import numpy as np

if TYPE_CHECKING:
    from nas.space import Genome
    from nas.trial import Cost, Objective, Scores


@dataclass(slots=True)
class Archive:
    """Networks evaluated or under evaluation. The study is the record; this is its index."""

    objectives: tuple[Objective, ...]
    pending: dict[str, int] = field(default_factory=dict)
    """Networks being evaluated now: id -> trial number."""
    finished: dict[str, int] = field(default_factory=dict)
    """Networks evaluated, with or without success: id -> trial number."""
    genomes: list[Genome] = field(default_factory=list)
    """Genomes of the successful ones, in order of arrival."""
    losses: list[tuple[float, ...]] = field(default_factory=list)
    """Their objective values, all to be minimised; costs as logarithms."""

    def add(self, genome: Genome, cost: Cost, scores: Scores) -> bool:
        """Take in a successful evaluation; True if nothing known dominates it."""
        self.genomes.append(genome)
        self.losses.append(tuple(_loss(item, cost, scores) for item in self.objectives))
        return len(self.losses) - 1 in set(self.front())

    def knows(self, arch_id: str) -> bool:
        """Whether this network was evaluated or is being evaluated."""
        return arch_id in self.finished or arch_id in self.pending

    def front(self) -> list[int]:
        """Positions of the non-dominated networks; of equal ones the first."""
        if not self.losses:
            return []
        return [int(i) for i in np.flatnonzero(moocore.is_nondominated(np.array(self.losses)))]

    def ranks(self) -> list[int]:
        """Non-domination rank of every network, 0 for the front."""
        if not self.losses:
            return []
        return [int(rank) for rank in moocore.pareto_rank(np.array(self.losses))]


def _loss(objective: Objective, cost: Cost, scores: Scores) -> float:
    value = objective.value(cost, scores)
    if objective.direction == "maximize":
        return -value
    return math.log10(max(value, 1.0))
