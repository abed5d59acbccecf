"""A small Gaussian process: Matern-5/2 over groups of features, fitted by its posterior mode.

Notation, with N networks seen, M asked about, F features in G groups:

    X    (N, F) features ("rows")                  y      (N,) standardised targets
    w_g  weight of group g: the inverse square     d^2    sum over groups of w_g times the
         of its length scale                              group's squared distance
    s^2  signal variance                           n^2    noise variance
    k    covariance s^2 * matern(d^2)              K      (N, N) k(X, X) + n^2 I, K = L L^T
    L    lower Cholesky factor ("factor")          alpha  K^-1 y
    k*   (N, M) k(X, X*) ("cross")                 v      L^-1 k* ("half")

    mean k*^T alpha, variance s^2 - sum of v^2 over N

A group is a gene's one-hot columns, or one number. All parameters are kept as logarithms, with
a normal prior each. NumPy and SciPy only, for some hundred networks.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006: algorithm 2.1,
equations 4.17 (kernel) and 5.9 (gradient).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

JITTER = 1e-6
MAX_STEPS = 40
"""Of the optimiser, in one fit."""
PRIOR_SD = 1.5
"""Of every log parameter."""
PRIOR_WEIGHT = 4.0
"""Of all groups together."""
NOISE_PRIOR = math.log(0.02)
"""Share of the variance of standardised targets, before anything is known."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """The process' parameters, all as logarithms: signal and noise variance, group weights."""

    log_signal: float
    log_noise: float
    log_weights: tuple[float, ...]

    @classmethod
    def prior(cls, num_groups: int) -> Kernel:
        """Before anything is known: no group matters more than another."""
        return cls(0.0, NOISE_PRIOR, (math.log(PRIOR_WEIGHT / num_groups),) * num_groups)

    @property
    def vector(self) -> Array:
        """All parameters, signal and noise first."""
        return np.array([self.log_signal, self.log_noise, *self.log_weights])

    @classmethod
    def from_vector(cls, vector: Array) -> Kernel:
        """The inverse of `vector`."""
        return cls(float(vector[0]), float(vector[1]), tuple(map(float, vector[2:])))

    def scaled(self, features: Array, groups: NDArray[np.intp]) -> Array:
        """Features in units of their length scales."""
        return np.asarray(features * np.exp(0.5 * np.array(self.log_weights))[groups])


def squared_distances(one: Array, other: Array) -> Array:
    """(N, F), (M, F) -> (N, M)."""
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1)[None, :] - 2 * one @ other.T
    return np.asarray(np.maximum(squares, 0.0))


def matern(squares: Array) -> Array:
    """Matern-5/2 of squared scaled distances."""
    root = np.sqrt(5 * squares)
    return np.asarray((1 + root + root**2 / 3) * np.exp(-root))


def _matern_slope(squares: Array) -> Array:
    """The derivative of `matern` by the squared distance."""
    root = np.sqrt(5 * squares)
    return np.asarray(-5 / 6 * (1 + root) * np.exp(-root))


def fit_kernel(features: Array, groups: NDArray[np.intp], targets: Array) -> Kernel:
    """The most probable kernel given standardised targets."""
    num_groups = int(groups.max()) + 1
    prior = Kernel.prior(num_groups)
    distances = np.stack(
        [
            squared_distances(features[:, groups == group], features[:, groups == group])
            for group in range(num_groups)
        ]
    )
    objective = _Objective(distances.reshape(num_groups, -1), targets, prior.vector)
    found = minimize(
        objective,
        prior.vector,
        jac=True,
        method="L-BFGS-B",
        bounds=[(value - 6, value + 6) for value in prior.vector],
        options={"maxiter": MAX_STEPS},
    )
    return Kernel.from_vector(found.x)


@dataclass(frozen=True, slots=True)
class _Objective:
    """Negative log posterior of a kernel's parameters, with its gradient."""

    distances: Array
    """(groups, N * N)."""
    targets: Array
    prior: Array

    def __call__(self, vector: Array) -> tuple[float, Array]:
        size = len(self.targets)
        signal, noise, weights = np.exp(vector[0]), np.exp(vector[1]), np.exp(vector[2:])
        squares = (weights @ self.distances).reshape(size, size)
        correlation = matern(squares)
        covariance = signal * correlation
        covariance[np.diag_indices(size)] += noise + JITTER
        factor = cholesky(covariance, lower=True, check_finite=False)
        inverse = cho_solve((factor, True), np.eye(size), check_finite=False)
        alpha = inverse @ self.targets
        slack = np.outer(alpha, alpha) - inverse
        slopes = (slack * (signal * _matern_slope(squares))).ravel()
        gradient = -0.5 * np.concatenate(
            [
                [signal * (slack * correlation).sum(), noise * np.trace(slack)],
                weights * (self.distances @ slopes),
            ]
        )
        fit = 0.5 * self.targets @ alpha + np.log(np.diag(factor)).sum()
        pull = (vector - self.prior) / PRIOR_SD**2
        return float(fit + 0.5 * pull @ (vector - self.prior)), gradient + pull


@dataclass(frozen=True, slots=True)
class GaussianProcess:
    """A process that has seen N targets."""

    kernel: Kernel
    groups: NDArray[np.intp]
    points: Array
    """(N, F) where, in units of the length scales."""
    factor: Array
    """(N, N) lower Cholesky factor of the targets' covariance."""
    alpha: Array
    """(N,) the inverse covariance times the targets."""

    @classmethod
    def given(
        cls, kernel: Kernel, groups: NDArray[np.intp], features: Array, targets: Array
    ) -> GaussianProcess:
        """The process that has seen `targets`, (N,) and standardised, at `features`, (N, F)."""
        points = kernel.scaled(features, groups)
        factor = cholesky(_noisy_covariance(kernel, points), lower=True, check_finite=False)
        alpha = cho_solve((factor, True), targets, check_finite=False)
        return cls(kernel, groups, points, factor, alpha)

    def predict(self, features: Array) -> tuple[Array, Array]:
        """(M, F) -> means and standard deviations of the noise-free values, each (M,)."""
        cross, half = self._cross(self.kernel.scaled(features, self.groups))
        variances = np.maximum(np.exp(self.kernel.log_signal) - (half**2).sum(0), 1e-10)
        return np.asarray(cross.T @ self.alpha), np.sqrt(variances)

    def fantasize(self, features: Array) -> GaussianProcess:
        """The process as if it had seen these points, (M, F), at their predicted means.

        The factor grows by a block; targets at their means leave all other means as they are.
        """
        points = self.kernel.scaled(features, self.groups)
        _, half = self._cross(points)
        left = _noisy_covariance(self.kernel, points) - half.T @ half
        corner = cholesky(left, lower=True, check_finite=False)
        return replace(
            self,
            points=np.concatenate([self.points, points]),
            factor=np.block([[self.factor, np.zeros_like(half)], [half.T, corner]]),
            alpha=np.concatenate([self.alpha, np.zeros(len(points))]),
        )

    def _cross(self, points: Array) -> tuple[Array, Array]:
        """(N, M) covariances with scaled points, and the same divided by the factor."""
        squares = squared_distances(self.points, points)
        cross = np.exp(self.kernel.log_signal) * matern(squares)
        half = solve_triangular(self.factor, cross, lower=True, check_finite=False)
        return cross, half


class Posterior:
    """What a process says of M points together, as they are fantasized one after the other."""

    def __init__(self, process: GaussianProcess, features: Array) -> None:
        """`features`: (M, F)."""
        self._kernel = process.kernel
        points = process.kernel.scaled(features, process.groups)
        cross, self._half = process._cross(points)
        self._covariance = np.exp(self._kernel.log_signal) * matern(
            squared_distances(points, points)
        )
        """(M, M) before anything is seen."""
        self._rows: list[Array] = []
        """(M,) for each point fantasized: further rows of `_half`."""
        self.means = np.asarray(cross.T @ process.alpha)
        """(M,), and they stay: a fantasy is a point at its mean."""
        signal = np.exp(process.kernel.log_signal)
        self.variances = np.maximum(signal - (self._half**2).sum(0), 1e-10)
        """(M,) of the noise-free values."""

    def fantasize(self, place: int) -> None:
        """Go on as if this one of the points had been seen at its mean."""
        covariance = self._covariance[:, place] - self._half.T @ self._half[:, place]
        for row in self._rows:
            covariance -= row * row[place]
        noise = np.exp(self._kernel.log_noise) + JITTER
        self._rows.append(covariance / math.sqrt(max(covariance[place], 0.0) + noise))
        self.variances = np.maximum(self.variances - self._rows[-1] ** 2, 1e-10)


def _noisy_covariance(kernel: Kernel, points: Array) -> Array:
    """(N, N) of targets at scaled points."""
    covariance = np.exp(kernel.log_signal) * matern(squared_distances(points, points))
    covariance[np.diag_indices(len(points))] += np.exp(kernel.log_noise) + JITTER
    return np.asarray(covariance)
