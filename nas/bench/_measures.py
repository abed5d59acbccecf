"""What a race achieved: its share of the true front's hypervolume, as trainings come in.

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
from moocore import hypervolume, is_nondominated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nas.bench._race import Finish
    from nas.bench._table import Row, Table

    Array = NDArray[np.float64]

TARGETS = (0.90, 0.95, 0.98)
"""Shares of the true hypervolume whose cost in trainings is reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A race in figures."""

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


def measure(finish: Finish, table: Table) -> Outcome:
    """The figures of a race."""
    replica = finish.race.replica
    rows = [table.network(arch_id) for arch_id in finish.trained]
    points, told = _tested(rows, table, replica), _told(rows, table, replica)
    reference, whole = _scale(table, replica)
    shares = tuple(share / whole for share in _growing_hypervolume(points, reference))
    return Outcome(
        shares=shares,
        picked_share=_hypervolume(points[is_nondominated(told)], reference) / whole,
        finished_s=finish.finished_s,
        evaluations_to=tuple(_first_at(shares, target) for target in TARGETS),
        duplicate_share=1 - len(set(finish.trained)) / len(finish.trained),
        repeated_share=finish.repeats[-1] / (finish.repeats[-1] + len(finish.trained)),
        ask_ms=float(np.median(finish.ask_ms)),
        ask_max_ms=max(finish.ask_ms),
    )


def picked_ceiling(table: Table, replica: int) -> float:
    """`Outcome.picked_share` of a search that trains every network."""
    reference, whole = _scale(table, replica)
    told = _told(table.networks, table, replica)
    points = _tested(table.networks, table, replica)
    return _hypervolume(points[is_nondominated(told)], reference) / whole


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
    return reference, _hypervolume(points, reference)


def _hypervolume(points: Array, reference: tuple[float, ...]) -> float:
    return float(hypervolume(points, ref=reference))


def _growing_hypervolume(points: Array, reference: tuple[float, ...]) -> list[float]:
    """After each point; computed anew only where the point adds to the front."""
    front = np.empty((0, points.shape[1]))
    values = []
    value = 0.0
    for point in points:
        if not (front <= point).all(axis=1).any():
            front = np.concatenate([front[~(front >= point).all(axis=1)], point[None]])
            value = _hypervolume(front, reference)
        values.append(value)
    return values


def _first_at(shares: tuple[float, ...], target: float) -> int | None:
    return next((number for number, share in enumerate(shares, 1) if share >= target), None)
