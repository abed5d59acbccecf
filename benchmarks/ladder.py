"""A ladder of fidelities replayed on recorded trainings: what is saved, and what is lost.

The engine and its loop are those of `nas search`; one simulated worker looks trainings up, and
networks arrive in random order, as in random search; whatever climbs does so as soon as it may.
Ours promotes by hypervolume gain; its rivals are the same ladder by non-dominated rank, ties by
accuracy (asynchronous multi-objective successive halving), and by chance. The search is told the
accuracies of one training seed, the front is judged by the other seed's.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from _common import machine_line
from moocore import pareto_rank
from rich.console import Console
from rich.table import Table

from nas.bench import (
    RUNGS,
    Training,
    all_networks,
    answer_from_curves,
    read_trainings,
    table_problem,
    trainings_path,
)
from nas.pareto import hypervolume
from nas.search import (
    Ladder,
    MemoryStore,
    Promoter,
    Sampler,
    SearchEngine,
    SearchLoop,
    SpaceExhausted,
)
from nas.workers import SimulatedPool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nas.search import Candidate, Knowledge, Problem, SearchProblem
    from nas.space import Genome

    Vector = tuple[float, ...]

LADDERS = ((0, 4), (1, 4), (2, 4), (3, 4), (0, 1, 4), (0, 3, 4), (1, 3, 4), (0, 1, 3, 4))
"""Rungs of the table by number, full training last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The networks of the table that have both seeds on every rung."""

    problem: Problem
    candidates: Mapping[str, Candidate]
    trainings: dict[str, tuple[Training, Training]]
    """By network, by seed."""

    def vector(self, arch_id: str, seed: int) -> Vector:
        """Accuracy in full, negated, and the logarithms of the costs."""
        cost = self.candidates[arch_id].cost
        costs = (o.loss(o.of_cost(cost)) for o in self.problem.objectives[1:])
        return (-self.trainings[arch_id][seed].accuracies[-1], *costs)

    def volume(self, some: list[str], seed: int) -> float:
        """Hypervolume of these networks by that seed."""
        return hypervolume([self.vector(one, seed) for one in some], self.worst)

    @property
    def worst(self) -> Vector:
        """Guessing, at the highest of each cost."""
        costs = zip(*(self.vector(one, 0)[1:] for one in self.trainings), strict=True)
        return (-0.1, *(max(column) + 0.01 for column in costs))


class RankLadder:
    """The rival: of those on a rung the best third by key may climb."""

    def __init__(
        self, num_rungs: int, key: Callable[[list[Vector]], list[float]], *, eta: int = 3
    ) -> None:
        """`key` gives a number to each of the results on a rung, the lowest to the best."""
        self._eta = eta
        self._rungs: list[dict[int, Vector]] = [{} for _ in range(num_rungs - 1)]
        self._promoted: list[set[int]] = [set() for _ in range(num_rungs - 1)]
        self._key = key

    def add(self, rung: int, number: int, vector: Vector) -> None:
        """Take in the result of a network on a rung below the top."""
        self._rungs[rung][number] = vector

    def mark_promoted(self, rung: int, number: int) -> None:
        """Take in a promotion that was decided before."""
        self._promoted[rung].add(number)

    def close(self, rung: int, number: int) -> None:
        """Nothing: a replay ends when its last network is closed."""

    def promote(self) -> int | None:
        """The network that climbs next, if one in `eta` may."""
        for known, promoted in zip(reversed(self._rungs), reversed(self._promoted), strict=True):
            quota = len(known) // self._eta
            if len(promoted) >= quota:
                continue
            keys = self._key(list(known.values()))
            best = [number for _, number in sorted(zip(keys, known, strict=True))][:quota]
            new = [number for number in best if number not in promoted]
            if new:
                promoted.add(new[0])
                return new[0]
        return None


def by_rank(points: list[Vector]) -> list[float]:
    """Non-dominated rank; the accuracy's loss, in (-1, 0], settles ties."""
    ranks = pareto_rank(np.array(points))
    return [float(rank) + point[0] / 2 for rank, point in zip(ranks, points, strict=True)]


def by_chance(points: list[Vector]) -> list[float]:
    """A number that follows from the point alone."""
    return [random.Random(repr(point)).random() for point in points]


class InOrder(Sampler):
    """Proposes networks in a given order."""

    def __init__(self, problem: SearchProblem, known: Knowledge, order: list[Genome]) -> None:
        """`order` holds each network once."""
        super().__init__(problem, known, seed=0)
        self._order = order

    def propose(self, number: int) -> Genome:
        """The next in line. Raises SpaceExhausted."""
        if number >= len(self._order):
            raise SpaceExhausted
        return self._order[number]


@dataclass(frozen=True, slots=True)
class Result:
    """What a replay came to."""

    saved: float
    """Share of the processor time of training every network in full."""
    lost: float
    """Share of the hypervolume of the front of all networks."""


def replay(recorded: Recorded, rungs: tuple[int, ...], promoter: Promoter, *, seed: int) -> Result:
    """Let every network arrive, and whatever may climb."""
    ids = list(recorded.trainings)
    random.Random(seed).shuffle(ids)
    order = [recorded.candidates[arch_id].genome for arch_id in ids]
    told = seed % 2
    engine = SearchEngine(
        recorded.problem,
        MemoryStore(),
        sampler=lambda problem, known: InOrder(problem, known, order),
        seed=seed,
        start=order[0],
        num_rungs=len(rungs),
        promoter=promoter,
    )
    pool = SimulatedPool(answer_from_curves(recorded.trainings, told))
    SearchLoop(
        engine,
        pool,
        budget=len(order),
        rungs=[RUNGS[rung] for rung in rungs],
        seed=told,
        poll_s=None,
    ).run()
    whole_s = sum(pair[told].cpu_s[-1] for pair in recorded.trainings.values())
    full = [member.arch_id for member in engine.ledger.results.members]
    best = recorded.volume(ids, 1 - told)
    return Result(1 - pool.busy_s / whole_s, 1 - recorded.volume(full, 1 - told) / best)


def load() -> Recorded:
    """Networks whose two seeds are done."""
    problem = table_problem()
    by_id = defaultdict(list)
    for training in read_trainings(trainings_path()):
        if None not in training.accuracies:
            by_id[training.id].append(training)
    pairs = {
        arch_id: tuple(sorted(both, key=lambda one: one.seed))
        for arch_id, both in by_id.items()
        if len(both) == 2
    }
    return Recorded(problem=problem, candidates=all_networks(), trainings=pairs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    console = Console(width=110)
    recorded = load()
    print(machine_line())
    size = len(recorded.trainings)
    table = Table(title=f"{size} networks, {seeds} orders: saved % / hypervolume lost %")
    table.add_column("rungs")
    for kind in PROMOTERS:
        table.add_column(kind, justify="right")
    for rungs in LADDERS:
        names = (
            f"{RUNGS[r].epochs}" + (f"@{RUNGS[r].resolution}" if RUNGS[r].resolution else "")
            for r in rungs
        )
        table.add_row(",".join(names), *(cell(recorded, rungs, kind, seeds) for kind in PROMOTERS))
    console.print(table)


def cell(recorded: Recorded, rungs: tuple[int, ...], kind: str, seeds: int) -> str:
    """Means over the seeds, and the standard error of what is lost."""
    results = [
        replay(recorded, rungs, PROMOTERS[kind](len(rungs), recorded.worst), seed=seed)
        for seed in range(seeds)
    ]
    saved, lost = [100 * r.saved for r in results], [100 * r.lost for r in results]
    error = statistics.stdev(lost) / len(lost) ** 0.5
    return f"{statistics.mean(saved):.0f} / {statistics.mean(lost):.1f} ±{error:.1f}"


PROMOTERS: dict[str, Callable[[int, Vector], Promoter]] = {
    "gain": Ladder,
    "gain, 1 in 5": lambda num_rungs, reference: Ladder(num_rungs, reference, eta=5),
    "rank": lambda num_rungs, reference: RankLadder(num_rungs, by_rank),
    "rank, 1 in 5": lambda num_rungs, reference: RankLadder(num_rungs, by_rank, eta=5),
    "chance": lambda num_rungs, reference: RankLadder(num_rungs, by_chance),
}
"""Who climbs, one in three where nothing is said: by hypervolume gain is ours."""


if __name__ == "__main__":
    main()
