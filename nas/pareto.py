"""Dominance and hypervolume, over moocore. Every coordinate is to be minimised.

One place for search, report and benchmarks. What a coordinate means is the caller's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Point = Sequence[float]


def dominates(one: Point, other: Point) -> bool:
    """Whether `one` is nowhere worse than `other` and somewhere better."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def non_dominated(points: ArrayLike) -> NDArray[np.bool_]:
    """(N, K) -> (N,): which points no other point dominates; equal ones all stay."""
    array = np.asarray(points, dtype=np.float64)
    if not len(array):
        return np.zeros(0, dtype=bool)
    import moocore  # here, so that a machine without it can do all that ranks no networks

    return np.asarray(moocore.is_nondominated(_ranked(array), keep_weakly=True))


def front_of(points: ArrayLike) -> NDArray[np.intp]:
    """(N, K) -> (F,): indices of the points that no other dominates, in the order of the points.

    The order is by the first coordinate, then by the second, and so on. Of equal points the first
    is kept.
    """
    array = np.asarray(points, dtype=np.float64)
    if not len(array):
        return np.zeros(0, dtype=np.intp)
    unique, first = np.unique(array, axis=0, return_index=True)
    return np.asarray(first[non_dominated(unique)])


def _ranked(array: Array) -> Array:
    """The same order in each column, in finite numbers: moocore 0.3.2 crashes on infinities."""
    if np.isfinite(array).all():
        return array
    columns = [np.unique(column, return_inverse=True)[1] for column in array.T]
    return np.stack(columns, axis=1).astype(np.float64)


def hypervolume(points: ArrayLike, reference: ArrayLike) -> float:
    """Volume that (N, K) points dominate up to the (K,) reference point; 0 without points."""
    array = np.asarray(points, dtype=np.float64)
    if not len(array):
        return 0.0
    import moocore

    return float(moocore.hypervolume(array, ref=reference))


def growing_hypervolume(points: ArrayLike, reference: ArrayLike) -> list[float]:
    """Hypervolume after each of (N, K) points; computed only where a point joins the front."""
    array = np.asarray(points, dtype=np.float64)
    front = np.empty((0, np.size(reference)))
    values, value = [], 0.0
    for point in array:
        if not (front <= point).all(axis=1).any():
            front = np.concatenate([front[~(front >= point).all(axis=1)], point[None]])
            value = hypervolume(front, reference)
        values.append(value)
    return values
