"""Expected hypervolume improvement where all objectives but one are known exactly.

Notation, with M candidates, N networks on the front, K costs:

    e       error of a candidate (here its logarithm), unknown: normal, mean m, deviation s
    c       (K,) costs of a candidate (decimal logarithms), exact
    r       (1 + K,) reference point: the worst error r_e and costs r_c that count
    t       an error at which the front is looked at: those of its members, and r_e ("levels")
    A(t)    free area: the part of the box [c, r_c] that no member of error <= t dominates

A candidate of error e adds the integral of A(t) over t from e to r_e. A is a step function of t,
so the expectation over e is a sum over the steps, each with the closed form

    E max(t - e, 0) = (t - m) Phi((t - m) / s) + s phi((t - m) / s)

(Emmerich, Giannakoglou and Naujoks, Single- and multiobjective evolutionary optimization assisted
by Gaussian random field metamodels, 2006, for one uncertain objective).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MAX_LEVELS = 48
"""Errors at which the front is looked at; between two of them, as at the higher one."""
MAX_EXACT = 2
"""Costs up to which areas are exact; more make them too slow."""
COST_SAMPLES = 4096
"""Points of the cost box by which areas are estimated then."""


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
    inside = inside[np.argsort(inside[:, 0], kind="stable")]
    counts = _even_choice(len(inside))
    levels = np.append(inside[:, 0], reference[0])[counts]
    if costs.shape[1] > MAX_EXACT:
        areas = _sampled_areas(costs, inside[:, 1:], reference[1:])[:, counts]
    else:
        parts = [_free_area(costs, inside[:count, 1:], reference[1:]) for count in counts]
        areas = np.stack(parts, axis=1)
    # areas[:, i] holds below levels[i]; with each member the free area shrinks.
    drops = areas - np.append(areas[:, 1:], np.zeros((len(costs), 1)), axis=1)
    return np.asarray((drops * _expected_gap(levels, means, deviations)).sum(axis=1))


def improvement_of_few(
    means: Array, deviations: Array, costs: Array, front: Array, reference: Array
) -> Array:
    """`expected_improvement`, quicker for a dozen candidates with two costs, and for all levels.

    The members' costs cut the plane into cells; a cell is free up to the error of the first
    member that dominates it.
    """
    if costs.shape[1] != MAX_EXACT:
        return expected_improvement(means, deviations, costs, front, reference)
    inside = front[(front < reference).all(axis=1)]
    inside = inside[np.argsort(inside[:, 0], kind="stable")]
    edges = [np.sort(column) for column in inside[:, 1:].T]
    first = np.full((len(inside) + 1,) * 2, len(inside))
    places = [
        np.searchsorted(edge, column) + 1
        for edge, column in zip(edges, inside[:, 1:].T, strict=True)
    ]
    np.minimum.at(first, tuple(places), np.arange(len(inside)))
    first = np.minimum.accumulate(np.minimum.accumulate(first, axis=0), axis=1)
    widths, heights = (
        _sides(edge, column, end)
        for edge, column, end in zip(edges, costs.T, reference[1:], strict=True)
    )
    gaps = _expected_gap(np.append(inside[:, 0], reference[0]), means, deviations)
    strips = (widths[:, None, :] @ gaps[:, first])[:, 0]
    return np.asarray((strips * heights).sum(axis=1))


def _sides(edges: Array, costs: Array, end: float) -> Array:
    """(M, N + 1) lengths from (M,) costs to `end`, cut at (N,) edges."""
    bounds = np.concatenate([[-np.inf], edges, [end]])
    begins = np.maximum(bounds[None, :-1], costs[:, None])
    return np.asarray(np.maximum(bounds[None, 1:] - begins, 0.0))


def _even_choice(size: int) -> NDArray[np.intp]:
    """Of the numbers 0 to `size`, all if there are few, else evenly spaced ones with both ends."""
    return np.unique(np.linspace(0, size, min(size, MAX_LEVELS) + 1).round().astype(np.intp))


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
        return np.asarray(np.full(len(costs), float(len(members) == 0)))
    if costs.shape[1] == 1:
        if not len(members):
            return np.asarray(room[:, 0])
        return np.asarray(np.maximum(members.min() - costs[:, 0], 0.0))
    return _free_plane(costs, members, reference)


def _free_plane(costs: Array, members: Array, reference: Array) -> Array:
    """Two costs: strips between the members' first costs, each free below the least second."""
    stairs = members[np.lexsort((members[:, 1], members[:, 0]))]
    lowest = np.minimum.accumulate(np.append(np.inf, stairs[:, 1]))
    stairs = stairs[stairs[:, 1] < lowest[:-1]]
    edges = np.concatenate([[-np.inf], stairs[:, 0], [reference[0]]])
    tops = np.concatenate([[reference[1]], stairs[:, 1]])
    widths = np.maximum(edges[None, 1:] - np.maximum(edges[None, :-1], costs[:, :1]), 0.0)
    heights = np.maximum(tops[None, :] - costs[:, 1:], 0.0)
    return np.asarray((widths * heights).sum(axis=1))


def _sampled_areas(costs: Array, members: Array, reference: Array) -> Array:
    """Three costs or more -> (M, N + 1): free volume beside the first 0 to N members.

    By the same random points for all candidates: one is free until the first member that
    dominates it.
    """
    lowest = np.minimum(costs.min(axis=0), reference)
    unit = np.random.default_rng(0).random((COST_SAMPLES, costs.shape[1]))
    points = lowest + unit * (reference - lowest)
    # A last member that is everywhere: the first to dominate is then always one.
    everywhere = np.ones((1, COST_SAMPLES), dtype=bool)
    first = np.concatenate([_at_most(members, points), everywhere]).argmax(axis=0)
    counts = _at_most(costs, points).astype(float) @ np.eye(len(members) + 1)[first]
    free = counts[:, ::-1].cumsum(axis=1)[:, ::-1]
    return np.asarray(free * (reference - lowest).prod() / COST_SAMPLES)


def _at_most(one: Array, other: Array) -> NDArray[np.bool_]:
    """(N, K), (M, K) -> (N, M): whether `one` is nowhere larger."""
    columns = zip(one.T, other.T, strict=True)
    result = np.ones((len(one), len(other)), dtype=bool)
    for left, right in columns:
        result &= left[:, None] <= right[None, :]
    return result
