"""Predicts a network's error from those of others: a Gaussian process on log errors."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from nas.search.samplers.model._gp import GaussianProcess, Posterior, fit_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nas.search.samplers.model._gp import Kernel

    Array = NDArray[np.float64]

LEAST_ERROR = 1e-4
LARGEST_RANK = 0.98
"""Of the worst error, in units of half a normal distribution; 1 would be infinitely far out."""


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """Predicts the natural logarithm of the error, up to the pivot; above it, a rank."""

    process: GaussianProcess
    center: float
    scale: float

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """(M, F) -> means and standard deviations of the log error, each (M,)."""
        means, deviations = self.process.predict(rows)
        return means * self.scale + self.center, deviations * self.scale

    def posterior(self, rows: Array) -> ErrorPosterior:
        """(M, F) -> what is expected of these networks together."""
        return ErrorPosterior(Posterior(self.process, rows), self.center, self.scale)

    def fantasize(self, rows: Array) -> ErrorModel:
        """The model as if these networks had been seen with the errors it predicts for them."""
        return replace(self, process=self.process.fantasize(rows))


@dataclass(frozen=True, slots=True)
class ErrorPosterior:
    """The log errors of M networks, as they are fantasized one after the other."""

    posterior: Posterior
    center: float
    scale: float

    @property
    def means(self) -> Array:
        """(M,) expected log errors."""
        return self.posterior.means * self.scale + self.center

    @property
    def deviations(self) -> Array:
        """(M,) standard deviations."""
        return np.asarray(np.sqrt(self.posterior.variances) * self.scale)

    def fantasize(self, place: int) -> None:
        """Go on as if this network had been seen with the error predicted for it."""
        self.posterior.fantasize(place)


def fit_error_model(
    rows: Array,
    errors: Array,
    groups: NDArray[np.intp],
    *,
    pivot: float,
    kernel: Kernel | None,
    fit_size: int,
) -> ErrorModel:
    """Learn from errors in [0, 1].

    Args:
        rows: (N, F), the most telling ones first.
        errors: (N,)
        groups: The columns' groups.
        pivot: Log error above which only ranks are told apart.
        kernel: Used as it is, where given.
        fit_size: Only the first so many rows are used to find a kernel.
    """
    values = warp(np.log(np.maximum(errors, LEAST_ERROR)), pivot)
    center, scale = float(values.mean()), max(float(values.std()), 1e-3)
    targets = (values - center) / scale
    if kernel is None:
        kernel = fit_kernel(rows[:fit_size], groups, targets[:fit_size])
    return ErrorModel(GaussianProcess.given(kernel, groups, rows, targets), center, scale)


def warp(values: Array, pivot: float) -> Array:
    """Keep values up to the pivot; pull those above close to it, in their order.

    A network that fails tells that its like fail, not by how much, and its error would swamp the
    differences among good ones. The values above become the upper half of a normal distribution
    whose lower half is as wide as the values below: "half-rank warping" in Google Vizier.
    """
    excess = values - pivot
    good = excess <= 0
    if good.all() or not good.any():
        return values
    width = math.sqrt(float(np.mean(excess[good] ** 2)))
    ranks = np.argsort(np.argsort(excess, kind="stable"), kind="stable") / len(values)
    share = (ranks - good.mean()) / (1 - good.mean())
    places = ndtri(0.5 + 0.5 * np.clip(share, 0.0, LARGEST_RANK))
    return np.asarray(np.where(good, values, pivot + width * places))
