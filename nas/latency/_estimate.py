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

LENGTH_SCALE = 3.0
"""In standard deviations of the features."""
NOISE = 0.03
"""Variance of what the process leaves unexplained, as a share of what it can explain."""
NAME_DISTANCE = 2.0
"""How far blocks of different classes lie apart, in the unit of `LENGTH_SCALE`."""
MAX_PARTS = 1500
"""Parts that are learned from; more take long and say little new."""


class PartEstimator:
    """Estimates a part's ratio to the reference network from its terms and its class."""

    def __init__(self, measured: Iterable[PartLatency]) -> None:
        """Learns from at least one part."""
        rows = list(measured)
        rows = rows[:: -(-len(rows) // MAX_PARTS)]
        self._names = sorted({row.name for row in rows})
        terms = np.array([row.terms.ravel() for row in rows])
        ratios = np.array([row.ratio for row in rows])
        self._prices = _prices(terms, ratios)
        deviations = np.log1p(terms).std(axis=0)
        self._scales = np.where(deviations > 0, deviations, 1.0)
        self._known = self._features(terms, [row.name for row in rows])
        kernel = _kernel(self._known, self._known) + NOISE * np.eye(len(rows))
        residual = np.log(ratios / self._priced(terms))
        self._weights = cho_solve(cho_factor(kernel), residual)

    def ratio(self, terms: Array, name: str) -> float:
        """Estimated ratio of a part with `terms` (kinds, terms), of class `name`."""
        row = terms.reshape(1, -1)
        alike = _kernel(self._features(row, [name]), self._known)
        return float(self._priced(row)[0] * np.exp(alike[0] @ self._weights))

    def _priced(self, terms: Array) -> Array:
        priced: Array = _with_one(terms) @ self._prices
        return np.maximum(priced, 1e-6)

    def _features(self, terms: Array, names: list[str]) -> Array:
        same = np.array([[name == known for known in self._names] for name in names])
        return np.hstack((np.log1p(terms) / self._scales, same * NAME_DISTANCE / np.sqrt(2)))


def _prices(terms: Array, ratios: Array) -> Array:
    """Prices of the terms, and of being a part at all, that meet the ratios best."""
    relative = _with_one(terms) / ratios[:, None]
    scale = np.maximum(relative.mean(axis=0), 1e-12)
    prices: Array = nnls(relative / scale, np.ones(len(ratios)))[0] / scale
    return prices


def _with_one(terms: Array) -> Array:
    return np.hstack((np.ones((len(terms), 1)), terms))


def _kernel(first: Array, second: Array) -> Array:
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    kernel: Array = np.exp(-np.maximum(squares, 0) / (2 * LENGTH_SCALE**2))
    return kernel
