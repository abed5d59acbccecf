"""A ladder of fidelities replayed on recorded trainings: what is saved, and what is lost.

Networks arrive in random order, as in random search; whatever climbs does so as soon as it may.
Ours promotes by hypervolume gain; its rivals are the same ladder by non-dominated rank, ties by
accuracy (asynchronous multi-objective successive halving), and by chance. The search is told the
accuracies of one training seed, the front is judged by the other seed's.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from moocore import hypervolume, pareto_rank
from rich.console import Console
from rich.table import Table

from nas.bench import RUNGS, all_networks, read_trainings, table_problem, trainings_path
from nas.search import Ladder, as_loss

if TYPE_CHECKING:
    Losses = tuple[float, ...]

LADDERS = ((0, 4), (1, 4), (2, 4), (3, 4), (0, 1, 4), (0, 3, 4), (1, 3, 4), (0, 1, 3, 4))
"""Rungs of the table by number, full training last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A network with both seeds on every rung."""

    costs: Losses
    accuracies: tuple[tuple[float, ...], ...]
    """By seed, by rung."""
    cpu_s: tuple[float, ...]
    """By rung, mean of the seeds."""

    def losses(self, seed: int, rung: int) -> Losses:
        """Accuracy on that rung, negated, and the logarithms of the costs."""
        return (-self.accuracies[seed][rung], *self.costs)


class Promoter(Protocol):
    """What decides who climbs: `nas.search.Ladder`, or a rival."""

    def add(self, rung: int, number: int, losses: Losses) -> None:
        """Take in the result of a network on a rung below the top."""

    def promote(self) -> int | None:
        """The network that climbs next, if one may."""


class RankLadder:
    """The rival: of those on a rung the best third by key may climb."""

    def __init__(
        self, num_rungs: int, key: Callable[[list[Losses]], list[float]], *, eta: int = 3
    ) -> None:
        """`key` gives a number to each of the results on a rung, the lowest to the best."""
        self._eta = eta
        self._rungs: list[dict[int, Losses]] = [{} for _ in range(num_rungs - 1)]
        self._promoted: list[set[int]] = [set() for _ in range(num_rungs - 1)]
        self._key = key

    def add(self, rung: int, number: int, losses: Losses) -> None:
        """Take in the result of a network on a rung below the top."""
        self._rungs[rung][number] = losses

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


def by_rank(points: list[Losses]) -> list[float]:
    """Non-dominated rank; the accuracy's loss, in (-1, 0], settles ties."""
    ranks = pareto_rank(np.array(points))
    return [float(rank) + point[0] / 2 for rank, point in zip(ranks, points, strict=True)]


def by_chance(points: list[Losses]) -> list[float]:
    """A number that follows from the point alone."""
    return [random.Random(repr(point)).random() for point in points]


@dataclass(frozen=True, slots=True)
class Result:
    """What a replay came to."""

    saved: float
    """Share of the processor time of training every network in full."""
    lost: float
    """Share of the hypervolume of the front of all networks."""


def replay(
    networks: list[Trained], rungs: tuple[int, ...], ladder: Promoter, *, seed: int
) -> Result:
    """Let every network arrive, and whatever may climb."""
    order = random.Random(seed).sample(range(len(networks)), len(networks))
    told, top = seed % 2, len(rungs) - 1
    spent, at = 0.0, dict.fromkeys(order, -1)

    def train(number: int) -> None:
        nonlocal spent
        at[number] += 1
        spent += networks[number].cpu_s[rungs[at[number]]]
        if at[number] < top:
            ladder.add(at[number], number, networks[number].losses(told, rungs[at[number]]))

    for number in order:
        train(number)
        while (climber := ladder.promote()) is not None:
            train(climber)
    whole = sum(network.cpu_s[rungs[-1]] for network in networks)
    full = [networks[number] for number, rung in at.items() if rung == top]
    return Result(
        1 - spent / whole, 1 - volume(full, told, networks) / volume(networks, told, networks)
    )


def volume(some: list[Trained], told: int, networks: list[Trained]) -> float:
    """Hypervolume on the seed that the search was not told."""
    points = [network.losses(1 - told, -1) for network in some]
    return float(hypervolume(points, ref=worst(networks))) if points else 0.0


def worst(networks: list[Trained]) -> Losses:
    """Guessing, at the highest of each cost."""
    return (
        -0.1,
        *(max(column) + 0.01 for column in zip(*(n.costs for n in networks), strict=True)),
    )


def load() -> list[Trained]:
    """Networks whose two seeds are done."""
    problem = table_problem()
    candidates = all_networks(problem)
    lines = defaultdict(list)
    for line in read_trainings(trainings_path()):
        if None not in line.accuracies:
            lines[line.id].append(line)
    trained = []
    for arch_id, both in lines.items():
        if len(both) == 2:
            cost = candidates[arch_id].cost
            trained.append(
                Trained(
                    costs=tuple(as_loss(o, getattr(cost, o.name)) for o in problem.objectives[1:]),
                    accuracies=tuple(one.accuracies for one in sorted(both, key=lambda x: x.seed)),
                    cpu_s=tuple(
                        map(statistics.mean, zip(*(one.cpu_s for one in both), strict=True))
                    ),
                )
            )
    return trained


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    console = Console(width=110)
    networks = load()
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")
    table = Table(title=f"{len(networks)} networks, {seeds} orders: saved % / hypervolume lost %")
    table.add_column("rungs")
    for kind in PROMOTERS:
        table.add_column(kind, justify="right")
    for rungs in LADDERS:
        cells = []
        for kind in PROMOTERS:
            results = [
                replay(networks, rungs, promoter(kind, rungs, networks), seed=s)
                for s in range(seeds)
            ]
            saved, lost = [100 * r.saved for r in results], [100 * r.lost for r in results]
            error = statistics.stdev(lost) / len(lost) ** 0.5
            cells.append(
                f"{statistics.mean(saved):.0f} / {statistics.mean(lost):.1f} ±{error:.1f}"
            )
        names = (
            f"{RUNGS[r].epochs}" + (f"@{RUNGS[r].resolution}" if RUNGS[r].resolution else "")
            for r in rungs
        )
        table.add_row(",".join(names), *cells)
    console.print(table)


def promoter(kind: str, rungs: tuple[int, ...], networks: list[Trained]) -> Promoter:
    """A fresh one."""
    return PROMOTERS[kind](len(rungs), worst(networks))


PROMOTERS: dict[str, Callable[[int, Losses], Promoter]] = {
    "gain": Ladder,
    "gain, 1 in 5": lambda num_rungs, reference: Ladder(num_rungs, reference, eta=5),
    "rank": lambda num_rungs, reference: RankLadder(num_rungs, by_rank),
    "rank, 1 in 5": lambda num_rungs, reference: RankLadder(num_rungs, by_rank, eta=5),
    "chance": lambda num_rungs, reference: RankLadder(num_rungs, by_chance),
}
"""Who climbs, one in three where nothing is said: by hypervolume gain is ours."""


if __name__ == "__main__":
    main()
