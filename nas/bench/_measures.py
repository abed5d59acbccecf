"""What a run achieved: its share of the true front's hypervolume, as trainings come in.

The front is measured by accuracies the search never saw (the mean of the other training seeds),
over everything it trained. Errors count up to the median network's, costs on a logarithmic scale
up to the greatest of the table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from nas.pareto import growing_hypervolume, hypervolume, non_dominated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nas.bench._run import Trace
    from nas.bench._table import Row, Table

    Array = NDArray[np.float64]

TARGETS = (0.90, 0.95, 0.98)
"""Shares of the true hypervolume whose cost in trainings is reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """A run in figures."""

    shares: tuple[float, ...]
    """After each training, in [0, 1]."""
    picked_share: float
    """Of the front as the search itself sees it in the end; noise keeps even the best below 1."""
    finished_s: tuple[float, ...]
    evaluations_to: tuple[int | None, ...]
    """Trainings until each of `TARGETS`; None where it was not reached."""
    duplicate_share: float
    """Of trainings, those of a network that was trained before, in this or another spelling."""
    repeated_share: float
    """Of proposals, those answered from an earlier result."""
    ask_ms: float
    """Median CPU time of a proposal."""
    ask_max_ms: float


def measure(trace: Trace, table: Table) -> Metrics:
    """The figures of a run."""
    replica = trace.run.replica
    rows = [table.network(arch_id) for arch_id in trace.trained]
    points, told = _tested(rows, table, replica), _told(rows, table, replica)
    reference, whole = _scale(table, replica)
    shares = tuple(share / whole for share in growing_hypervolume(points, reference))
    return Metrics(
        shares=shares,
        picked_share=hypervolume(points[non_dominated(told)], reference) / whole,
        finished_s=trace.finished_s,
        evaluations_to=tuple(_first_at(shares, target) for target in TARGETS),
        duplicate_share=1 - len(set(trace.trained)) / len(trace.trained),
        repeated_share=trace.repeats[-1] / (trace.repeats[-1] + len(trace.trained)),
        ask_ms=float(np.median(trace.ask_ms)),
        ask_max_ms=max(trace.ask_ms),
    )


def picked_ceiling(table: Table, replica: int) -> float:
    """`Metrics.picked_share` of a search that trains every network."""
    reference, whole = _scale(table, replica)
    told = _told(table.networks, table, replica)
    points = _tested(table.networks, table, replica)
    return hypervolume(points[non_dominated(told)], reference) / whole


def _tested(rows: Sequence[Row], table: Table, replica: int) -> Array:
    return np.array([_point(table, row, row.test_accuracy(replica)) for row in rows])


def _told(rows: Sequence[Row], table: Table, replica: int) -> Array:
    return np.array([_point(table, row, row.search_accuracy(replica)) for row in rows])


def _point(table: Table, row: Row, accuracy: float) -> tuple[float, ...]:
    costs = (one.name for one in table.objectives if one.name != "accuracy")
    return 1 - accuracy, *(math.log10(getattr(row.cost, name)) for name in costs)


@lru_cache(maxsize=64)
def _scale(table: Table, replica: int) -> tuple[tuple[float, ...], float]:
    """Reference point, and the hypervolume of the whole table."""
    points = _tested(table.networks, table, replica)
    reference = (float(np.median(points[:, 0])), *map(float, points[:, 1:].max(axis=0)))
    return reference, hypervolume(points, reference)


def _first_at(shares: tuple[float, ...], target: float) -> int | None:
    return next((number for number, share in enumerate(shares, 1) if share >= target), None)
