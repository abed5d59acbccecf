"""Many runs as one table: means, spread, ranks, and whether a difference is more than luck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata, wilcoxon

from nas.bench._measures import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nas.bench._measures import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """One sampler on one table, over all seeds."""

    table: str
    sampler: str
    seeds: int
    shares: tuple[float, ...]
    """Mean share of the true hypervolume at each of the marks."""
    errors: tuple[float, ...]
    """Standard error of each mean; 0 with a single seed."""
    picked_share: float
    evaluations_to: tuple[float | None, ...]
    """Median trainings to 90, 95 and 98 %; None where fewer than half of the seeds got there."""
    duplicate_share: float
    repeated_share: float
    ask_ms: float
    """Median over seeds of the median."""
    ask_max_ms: float
    rank: float
    """Mean rank among the samplers by the last mark's share, seed by seed; 1 is best."""
    p_value: float | None
    """Two-sided Wilcoxon signed-rank test against the first sampler, seed by seed; None for the
    first itself, and where no two seeds differ."""


def summarize(
    table: str, metrics: Mapping[str, Sequence[Metrics]], marks: Sequence[int]
) -> tuple[SummaryRow, ...]:
    """One line per sampler, in the order given. All ran the same seeds."""
    last = np.array([[share_at(one, marks[-1]) for one in runs] for runs in metrics.values()])
    ranks = rankdata(-last, axis=0).mean(axis=1)
    return tuple(
        _summary_row(table, sampler, runs, marks, rank=float(rank), p_value=_p_value(last[0], row))
        for (sampler, runs), rank, row in zip(metrics.items(), ranks, last, strict=True)
    )


def share_at(metrics: Metrics, evaluations: int) -> float:
    """The share after so many trainings, or in the end if there were fewer."""
    return metrics.shares[min(evaluations, len(metrics.shares)) - 1]


def mean_share_by_time(metrics: Sequence[Metrics], seconds: Sequence[float]) -> list[float]:
    """Mean share at each of these simulated times."""
    columns = []
    for one in metrics:
        places = np.searchsorted(one.finished_s, seconds, side="right")
        columns.append(np.array([0.0, *one.shares])[places])
    return [float(value) for value in np.mean(columns, axis=0)]


def _summary_row(
    table: str,
    sampler: str,
    runs: Sequence[Metrics],
    marks: Sequence[int],
    *,
    rank: float,
    p_value: float | None,
) -> SummaryRow:
    shares = np.array([[share_at(one, mark) for mark in marks] for one in runs])
    spread = shares.std(axis=0, ddof=1) if len(runs) > 1 else np.zeros(len(marks))
    return SummaryRow(
        table=table,
        sampler=sampler,
        seeds=len(runs),
        shares=tuple(map(float, shares.mean(axis=0))),
        errors=tuple(map(float, spread / np.sqrt(len(runs)))),
        picked_share=float(np.mean([one.picked_share for one in runs])),
        evaluations_to=tuple(
            _median_reached([one.evaluations_to[number] for one in runs])
            for number in range(len(TARGETS))
        ),
        duplicate_share=float(np.mean([one.duplicate_share for one in runs])),
        repeated_share=float(np.mean([one.repeated_share for one in runs])),
        ask_ms=float(np.median([one.ask_ms for one in runs])),
        ask_max_ms=max(one.ask_max_ms for one in runs),
        rank=rank,
        p_value=p_value,
    )


def _median_reached(counts: Sequence[int | None]) -> float | None:
    median = float(np.median([np.inf if count is None else count for count in counts]))
    return None if np.isinf(median) else median


def _p_value(first: np.ndarray, other: np.ndarray) -> float | None:
    if len(first) < 2 or np.array_equal(first, other):
        return None
    return float(wilcoxon(first, other).pvalue)
