"""Which results are worth keeping: the Pareto front, its hypervolume and its knee.

Works on plain tuples of numbers; what the numbers mean is the caller's affair.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nas.pareto import front_of, hypervolume

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from nas.metrics import Direction, Limit, Metric


def pareto_front(
    values: Sequence[tuple[float, ...]], directions: Sequence[Direction]
) -> tuple[int, ...]:
    """Indices of the points that no other point dominates, best first in the first objective.

    Of equal points the first is kept. Infinite values are compared as they stand.

    Raises:
        ValueError: a value is NaN, or a point has not one value per direction.
    """
    if not values:
        return ()
    signs = [-1.0 if direction == "maximize" else 1.0 for direction in directions]
    return tuple(map(int, front_of(_points(values, len(directions)) * signs)))


def _points(values: Sequence[tuple[float, ...]], num_objectives: int) -> NDArray[np.float64]:
    for index, point in enumerate(values):
        if len(point) != num_objectives:
            raise ValueError(f"point {index}: {len(point)} values, expected {num_objectives}")
        if any(math.isnan(value) for value in point):
            raise ValueError(f"point {index}: {point} has a NaN, which cannot be ranked")
    return np.array(values, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One side of a `HypervolumeBox`: where an objective's values lie between best and worst."""

    objective: Metric
    best: float
    worst: float
    logarithmic: bool
    """Equal ratios count equally (costs) rather than equal differences (accuracy)."""

    def __post_init__(self) -> None:
        """Reject bounds that are not finite, lie the wrong way round or have no logarithm."""
        name, bounds = self.objective.name, (self.best, self.worst)
        if not all(map(math.isfinite, bounds)):
            raise ValueError(f"{name}: bounds {bounds} must be finite")
        if self.logarithmic and min(bounds) <= 0:
            raise ValueError(f"{name}: bounds {bounds} of a logarithmic axis must be positive")
        upwards = self.objective.direction == "maximize"
        if (self.best < self.worst) if upwards else (self.best > self.worst):
            raise ValueError(f"{name}: bounds {bounds} (best, worst) lie the wrong way round")

    def distance(self, value: float) -> float:
        """Share of the side that lies between `value` and the best: 0 is best, 1 is worst.

        Values beyond a bound count as the bound. A side without extent has distance 0 at the
        bound or better, 1 otherwise.
        """
        if math.isnan(value):
            raise ValueError(f"{self.objective.name}: NaN has no place on an axis")
        low, high = min(self.best, self.worst), max(self.best, self.worst)
        if low == high:
            better = value >= low if self.objective.direction == "maximize" else value <= high
            return 0.0 if better else 1.0
        clipped = min(max(value, low), high)
        if self.logarithmic:
            return math.log(clipped / self.best) / math.log(self.worst / self.best)
        return (clipped - self.best) / (self.worst - self.best)


@dataclass(frozen=True, slots=True, kw_only=True)
class HypervolumeBox:
    """The unit box in which fronts are measured; its bounds stay the same throughout a search.

    Hypervolumes of two searches compare only if both were measured in the same box.
    """

    axes: tuple[Axis, ...]

    @classmethod
    def of(
        cls,
        objectives: Sequence[Metric],
        *,
        num_classes: int,
        bounds: Mapping[str, tuple[float, float]],
        limits: Sequence[Limit] = (),
    ) -> HypervolumeBox:
        """The box from chance level to certainty, and from the cheapest network to the dearest.

        Args:
            objectives: In the order of the values to be measured.
            num_classes: Guessing is right once in so many; accuracy starts there.
            bounds: By name, the least and greatest value in the search space of each objective
                that is known before training; positive where it is minimised.
            limits: Of what is measured; beyond them nothing is gained.
        """
        axes = tuple(_axis(one, num_classes, bounds) for one in objectives)
        return cls(axes=tuple(_within(axis, limits) for axis in axes))

    def distances(self, point: tuple[float, ...]) -> tuple[float, ...]:
        """Each value's `Axis.distance`, in the order of the axes."""
        return tuple(axis.distance(value) for axis, value in zip(self.axes, point, strict=True))

    def hypervolume(self, values: Sequence[tuple[float, ...]]) -> float:
        """Share of the box, in [0, 1], that at least one of `values` dominates."""
        return hypervolume([self.distances(point) for point in values], [1.0] * len(self.axes))


def _axis(objective: Metric, num_classes: int, bounds: Mapping[str, tuple[float, float]]) -> Axis:
    chance = (1 / num_classes, 1.0)
    return _between(objective, *(bounds.get(objective.name) or objective.bounds or chance))


def _between(objective: Metric, low: float, high: float) -> Axis:
    """The axis between two values; a logarithm needs positive ones."""
    if objective.logarithmic:
        low, high = max(low, objective.least), max(high, objective.least)
    best, worst = (high, low) if objective.direction == "maximize" else (low, high)
    return Axis(objective=objective, best=best, worst=worst, logarithmic=objective.logarithmic)


def _within(axis: Axis, limits: Sequence[Limit]) -> Axis:
    """The axis with its worst end moved to the limit of a measured metric."""
    if axis.objective.known_before_training:
        return axis
    for limit in limits:
        if limit.name == axis.objective.name:
            bound = limit.minimum if limit.maximum is None else limit.maximum
            axis = replace(axis, worst=float(bound or 0.0))
    return axis


def knee(values: Sequence[tuple[float, ...]], objectives: Sequence[Metric]) -> int:
    """Index of the front's best compromise: much accuracy gained, before costs rise steeply.

    Every objective is scaled to the front's own extent (costs by their logarithm), and the point
    with the least sum of (distance from the best accuracy) and (mean distance from the lowest
    costs) is the knee. With one cost this is the point farthest from the straight line between
    the front's two ends (Das, On characterizing the "knee" of the Pareto curve based on
    Normal-Boundary Intersection, 1999). Of equally good points the first is taken.

    Raises:
        ValueError: `values` is empty.
    """
    if not values:
        raise ValueError("an empty front has no knee")
    box = HypervolumeBox(
        axes=tuple(
            _between(objective, min(column), max(column))
            for objective, column in zip(objectives, zip(*values, strict=True), strict=True)
        )
    )
    return min(range(len(values)), key=lambda index: _compromise(box, values[index]))


def _compromise(box: HypervolumeBox, point: tuple[float, ...]) -> float:
    pairs = list(zip(box.axes, box.distances(point), strict=True))
    gains = [share for axis, share in pairs if axis.objective.direction == "maximize"]
    costs = [share for axis, share in pairs if axis.objective.direction == "minimize"]
    # Costs share one voice: parameters and MACs rise together and would outvote accuracy.
    return sum(sum(group) / len(group) for group in (gains, costs) if group)
