from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from nas.search.samplers.model._gp import (
    GaussianProcess,
    Kernel,
    Posterior,
    _Objective,
    fit_kernel,
    matern,
    squared_distances,
)

GROUPS = np.array([0, 0, 1, 2])


def features(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((size, len(GROUPS)))


def test_matern_by_hand() -> None:
    # (1 + sqrt(5) r + 5/3 r^2) exp(-sqrt(5) r) at r = 0 and r = 1.
    assert matern(np.array([0.0, 1.0])) == pytest.approx([1.0, 0.52399411], abs=1e-8)


def test_distances_are_those_of_the_difference() -> None:
    one, other = features(3), features(2, seed=1)
    expected = ((one[:, None] - other[None]) ** 2).sum(2)
    assert squared_distances(one, other) == pytest.approx(expected)


def test_gradient_is_the_slope() -> None:
    rows, targets = features(12), np.random.default_rng(1).standard_normal(12)
    distances = np.stack(
        [
            squared_distances(rows[:, columns], rows[:, columns])
            for columns in (group == GROUPS for group in range(3))
        ]
    ).reshape(3, -1)
    prior = Kernel.prior(3).vector
    objective = _Objective(distances, targets, prior)
    point = prior + np.array([0.3, -0.2, 0.5, -0.4, 0.1])
    error = check_grad(lambda x: objective(x)[0], lambda x: objective(x)[1], point)
    assert error < 1e-4


def test_prediction_by_the_textbook_formula() -> None:
    rows, targets = features(10), np.random.default_rng(2).standard_normal(10)
    kernel = Kernel(0.1, -2.0, (0.5, 0.0, -0.5))
    process = GaussianProcess.given(kernel, GROUPS, rows, targets)
    others = features(4, seed=3)
    scale = np.exp(0.5 * np.array(kernel.log_weights))[GROUPS]
    signal = np.exp(kernel.log_signal)
    covariance = signal * matern(squared_distances(rows * scale, rows * scale))
    inverse = np.linalg.inv(covariance + (np.exp(kernel.log_noise) + 1e-6) * np.eye(10))
    cross = signal * matern(squared_distances(others * scale, rows * scale))
    means, deviations = process.predict(others)
    assert means == pytest.approx(cross @ inverse @ targets)
    assert deviations**2 == pytest.approx(signal - np.diag(cross @ inverse @ cross.T))


def test_fantasized_points_leave_means_alone_and_narrow_the_doubt() -> None:
    rows, targets = features(10), np.random.default_rng(2).standard_normal(10)
    process = GaussianProcess.given(Kernel.prior(3), GROUPS, rows, targets)
    others = features(5, seed=3)
    fantasized = process.fantasize(others[:2])
    assert fantasized.predict(others)[0] == pytest.approx(process.predict(others)[0], abs=1e-6)
    assert (fantasized.predict(others)[1] < process.predict(others)[1]).all()


def test_fantasized_points_count_like_seen_ones() -> None:
    rows, targets = features(10), np.random.default_rng(2).standard_normal(10)
    kernel, new = Kernel.prior(3), features(3, seed=3)
    process = GaussianProcess.given(kernel, GROUPS, rows, targets)
    means, _ = process.predict(new)
    seen = GaussianProcess.given(
        kernel, GROUPS, np.concatenate([rows, new]), np.concatenate([targets, means])
    )
    others = features(5, seed=4)
    for one, other in zip(
        process.fantasize(new).predict(others), seen.predict(others), strict=True
    ):
        assert one == pytest.approx(other, abs=1e-9)


def test_a_fit_finds_the_group_that_matters() -> None:
    rows = features(60)
    targets = np.sin(6 * rows[:, 2])
    targets = (targets - targets.mean()) / targets.std()
    kernel = fit_kernel(rows, GROUPS, targets)
    assert kernel.log_weights[1] > kernel.log_weights[0] + 1
    assert kernel.log_weights[1] > kernel.log_weights[2] + 1
    others = features(40, seed=5)
    means, _ = GaussianProcess.given(kernel, GROUPS, rows, targets).predict(others)
    assert np.corrcoef(means, np.sin(6 * others[:, 2]))[0, 1] > 0.99


def test_points_fantasized_one_by_one_are_as_if_seen() -> None:
    rows, targets = features(10), np.random.default_rng(2).standard_normal(10)
    process = GaussianProcess.given(Kernel.prior(3), GROUPS, rows, targets)
    others = features(6, seed=3)
    posterior = Posterior(process, others)
    for place in (4, 0, 4):
        posterior.fantasize(place)
    seen = process.fantasize(others[[4, 0, 4]])

    means, deviations = seen.predict(others)
    assert posterior.means == pytest.approx(means)
    assert np.sqrt(posterior.variances) == pytest.approx(deviations)
