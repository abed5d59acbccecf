"""Expected hypervolume improvement where all objectives but one are known exactly.

Costs are known before training; only the error is not. A network of cost c and error e adds to
the front's hypervolume the integral, over errors t from e to the reference, of A(t): the part of
the cost box [c, reference] that no member of the front with an error of t or less dominates.
A is a step function, so the expectation over a normal e is a sum of closed forms:
E max(t - e, 0) = (t - m) P((t - m) / s) + s p((t - m) / s).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MAX_LEVELS = 64
"""Members of the front that are told apart by error; of more, only an even choice."""
COST_SAMPLES = 1024
"""Points of the cost box, where three or more costs make exact areas too slow."""


def expected_improvement(
    means: Array, deviations: Array, costs: Array, front: Array, reference: Array
) -> Array:
    """Expected gain in hypervolume of each of M candidates.

    Args:
        means: (M,) expected error.
        deviations: (M,) its standard deviation.
        costs: (M, K) exact costs.
        front: (N, 1 + K) errors and costs of mutually non-dominated networks; N may be 0.
        reference: (1 + K,) the worst error and costs that count.
    """
    inside = front[(front < reference).all(axis=1)]
    inside = _thinned(inside[np.argsort(inside[:, 0], kind="stable")])
    levels = np.append(inside[:, 0], reference[0])
    areas = np.stack(
        [_free_area(costs, inside[:count, 1:], reference[1:]) for count in range(len(levels))],
        axis=1,
    )
    # areas[:, i] holds below levels[i]; with each member the free area shrinks.
    drops = areas - np.append(areas[:, 1:], np.zeros((len(costs), 1)), axis=1)
    return np.asarray((drops * _expected_gap(levels, means, deviations)).sum(axis=1))


def _thinned(front: Array) -> Array:
    if len(front) <= MAX_LEVELS:
        return front
    return front[np.unique(np.linspace(0, len(front) - 1, MAX_LEVELS).round().astype(int))]


def _expected_gap(levels: Array, means: Array, deviations: Array) -> Array:
    """E max(level - e, 0) -> (M, levels)."""
    gap = levels[None, :] - means[:, None]
    scaled = gap / deviations[:, None]
    density = np.exp(-0.5 * scaled**2) / np.sqrt(2 * np.pi)
    return np.asarray(gap * ndtr(scaled) + deviations[:, None] * density)


def _free_area(costs: Array, members: Array, reference: Array) -> Array:
    """Volume of [cost, reference] that no member dominates -> (M,)."""
    room = np.maximum(reference - costs, 0.0)
    if costs.shape[1] == 0:
        return np.full(len(costs), float(len(members) == 0))
    if costs.shape[1] == 1:
        if not len(members):
            return np.asarray(room[:, 0])
        return np.asarray(np.maximum(members.min() - costs[:, 0], 0.0))
    if costs.shape[1] == 2:
        return _free_plane(costs, members, reference)
    return _free_share(costs, members, reference) * room.prod(axis=1)


def _free_plane(costs: Array, members: Array, reference: Array) -> Array:
    """Two costs: strips between the members' first costs, each free below the least second."""
    order = np.argsort(members[:, 0], kind="stable")
    edges = np.concatenate([[-np.inf], members[order, 0], [reference[0]]])
    tops = np.concatenate([[reference[1]], np.minimum.accumulate(members[order, 1])])
    widths = np.maximum(edges[None, 1:] - np.maximum(edges[None, :-1], costs[:, :1]), 0.0)
    heights = np.maximum(tops[None, :] - costs[:, 1:], 0.0)
    return np.asarray((widths * heights).sum(axis=1))


def _free_share(costs: Array, members: Array, reference: Array) -> Array:
    """Three costs or more: by the same random points of the unit cube in every candidate's box."""
    if not len(members):
        return np.ones(len(costs))
    unit = np.random.default_rng(0).random((COST_SAMPLES, costs.shape[1]))
    room = np.maximum(reference - costs, 1e-12)
    corners = np.maximum((members[None] - costs[:, None]) / room[:, None], 0.0)
    free = np.empty(len(costs))
    for number, corner in enumerate(corners):
        beaten = (unit[:, None, :] >= corner[None]).all(axis=2).any(axis=1)
        free[number] = 1 - beaten.mean()
    return free
