"""Latencies of parts that were never measured, from those that were.

A sum over layers with a price for every kind of layer and term, none negative (Lawson, Hanson
1974), times what a Gaussian process makes of the measured parts that are alike. Both count errors
relative to the latency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import nnls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from nas.latency._parts import PartLatency

    Array = NDArray[np.float64]

LENGTH_SCALE = 6.0
NOISE = 0.01
"""Variance of what the process leaves unexplained, as a share of what it can explain."""
SHAPE_WEIGHT = 2.0
"""What a standard deviation of an image's channels or side counts, in those of the terms."""
MAX_PARTS = 2000
"""Parts that are learned from; more take long and say little new."""


class PartEstimator:
    """Estimates a part's ratio to the reference network from its terms, tags and shape."""

    def __init__(self, measured: Iterable[PartLatency]) -> None:
        """Learns from at least one part."""
        rows = list(measured)
        rows = rows[:: -(-len(rows) // MAX_PARTS)]
        self._tags = sorted({tag for row in rows for tag in row.tags})
        terms = np.array([row.terms.ravel() for row in rows])
        ratios = np.array([row.ratio for row in rows])
        self._prices = _prices(terms, ratios)
        sizes = [_sizes(row.terms, row.in_shape) for row in rows]
        deviations = np.std(sizes, axis=0)
        self._scales = np.where(deviations > 0, deviations, 1.0)
        self._scales[-2:] /= SHAPE_WEIGHT
        self._known = np.array([self._features(row.terms, row.in_shape, row.tags) for row in rows])
        kernel = _kernel(self._known, self._known) + NOISE * np.eye(len(rows))
        residual = np.log(ratios / self._priced(terms))
        self._weights = cho_solve(cho_factor(kernel), residual)

    def ratio(self, terms: Array, in_shape: tuple[int, int, int], tags: Iterable[str]) -> float:
        """Estimated ratio of a part with `terms` (kinds, terms)."""
        alike = _kernel(self._features(terms, in_shape, tags)[None], self._known)
        priced = self._priced(terms.reshape(1, -1))
        return float(priced[0] * np.exp(alike[0] @ self._weights))

    def _priced(self, terms: Array) -> Array:
        priced: Array = _with_one(terms) @ self._prices
        return np.maximum(priced, 1e-6)

    def _features(
        self, terms: Array, in_shape: tuple[int, int, int], tags: Iterable[str]
    ) -> Array:
        present = set(tags)
        flags = [float(tag in present) for tag in self._tags]
        return np.concatenate((_sizes(terms, in_shape) / self._scales, flags))


def _sizes(terms: Array, in_shape: tuple[int, int, int]) -> Array:
    """Logarithms of the terms, and of channels and height."""
    return np.concatenate((np.log1p(terms.ravel()), np.log(in_shape[:2])))


def _prices(terms: Array, ratios: Array) -> Array:
    """Prices of the terms, and of being a part at all, that meet the ratios best."""
    relative = _with_one(terms) / ratios[:, None]
    scale = np.maximum(relative.mean(axis=0), 1e-12)
    prices: Array = nnls(relative / scale, np.ones(len(ratios)))[0] / scale
    return prices


def _with_one(terms: Array) -> Array:
    return np.hstack((np.ones((len(terms), 1)), terms))


def _kernel(first: Array, second: Array) -> Array:
    """Matern's, of smoothness 5/2."""
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    far = np.sqrt(5 * np.maximum(squares, 0)) / LENGTH_SCALE
    kernel: Array = (1 + far + far**2 / 3) * np.exp(-far)
    return kernel
