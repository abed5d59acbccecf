"""Two networks timed in turns, until their ratio is known or the machine is too restless.

A block of runs of the reference stands before and after every block of the network. What slows
the machine down for longer than a block slows both, and leaves the ratio alone; where it came or
went in between, the two reference blocks differ and the round does not count.
"""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Run = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When to stop, and what not to count."""

    tolerance: float = 0.03
    """The ratio's interval is narrow enough at this share of the ratio."""
    max_drift: float = 0.10
    """By which share the reference may move within a round, and from its usual time: its best
    known, or its lower quartile over the rounds."""
    min_rounds: int = 10
    max_rounds: int = 80
    max_s: float = 20.0
    block_s: float = 0.004
    """Time of one block, at least..."""
    min_runs: int = 5
    """...and at least this many runs."""
    warm_up_runs: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A network's time beside the reference's."""

    time_s: float
    reference_s: float
    ratio: float
    ratio_low: float
    ratio_high: float
    rounds: int
    rejected: int
    noisy: bool


def compare(
    network: Run,
    reference: Run,
    rules: Rules,
    *,
    clock: Callable[[], float] = time.perf_counter,
    best_reference_s: float = math.inf,
) -> Comparison:
    """Time `network` and `reference` in turns by `clock` (seconds).

    `best_reference_s` is what the reference is known to take on this machine when left alone; a
    slower machine does not slow all networks alike.
    """
    blocks = [_Block(run, rules, clock) for run in (network, reference)]
    times: list[float] = []
    references = [blocks[1].median_s()]
    start, found = time.monotonic(), None
    for number in range(1, rules.max_rounds + 1):
        times.append(blocks[0].median_s())
        references.append(blocks[1].median_s())
        if number >= rules.min_rounds:
            found = _summary(times, references, rules, best_reference_s)
            if not found.noisy or time.monotonic() - start > rules.max_s:
                break
    return found or _summary(times, references, rules, best_reference_s)


class _Block:
    """A run, and how often to repeat it for one reading."""

    def __init__(self, run: Run, rules: Rules, clock: Callable[[], float]) -> None:
        """Warms up: the first runs allocate memory."""
        self._run, self._clock = run, clock
        self._runs = rules.warm_up_runs
        usual_s = self.median_s()
        self._runs = max(rules.min_runs, math.ceil(rules.block_s / max(usual_s, 1e-6)))

    def median_s(self) -> float:
        """Median time of the block's runs."""
        run, clock, times = self._run, self._clock, []
        for _ in range(self._runs):
            before = clock()
            run()
            times.append(clock() - before)
        return statistics.median(times)


def _summary(
    times: Sequence[float], references: Sequence[float], rules: Rules, best_s: float
) -> Comparison:
    usual = min(best_s, sorted(references)[len(references) // 4])
    kept = [
        (time_s, (before + after) / 2)
        for time_s, before, after in zip(times, references, references[1:], strict=False)
        if _near(before, after, rules.max_drift) and _near(before, usual, rules.max_drift)
    ]
    rejected = len(times) - len(kept)
    kept = kept or list(zip(times, references, strict=False))
    ratios = sorted(time_s / reference_s for time_s, reference_s in kept)
    low, high = median_interval(ratios)
    ratio = statistics.median(ratios)
    return Comparison(
        time_s=statistics.median(time_s for time_s, _ in kept),
        reference_s=statistics.median(reference_s for _, reference_s in kept),
        ratio=ratio,
        ratio_low=low,
        ratio_high=high,
        rounds=len(times) - rejected,
        rejected=rejected,
        noisy=len(times) - rejected < rules.min_rounds or high - low >= rules.tolerance * ratio,
    )


def _near(first: float, second: float, share: float) -> bool:
    return abs(first - second) <= share * min(first, second)


def median_interval(ordered: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the median that lies between two of the `ordered` values.

    Assumes nothing but independence: the number of values below the median is binomial. Fewer
    than six values cannot say so much; their range is returned.
    """
    count, below, rank = len(ordered), 0.0, 0
    while (below := below + math.comb(count, rank) / 2**count) <= 0.025:
        rank += 1
    rank = max(rank, 1)
    return ordered[rank - 1], ordered[count - rank]
