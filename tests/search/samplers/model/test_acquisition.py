from __future__ import annotations

import moocore
import numpy as np
import pytest

from nas.search.samplers.model._acquisition import expected_improvement, improvement_of_few

CERTAIN = 1e-9


def random_front(rng: np.random.Generator, size: int, costs: int) -> np.ndarray:
    points = rng.random((size, 1 + costs))
    return np.asarray(points[moocore.is_nondominated(points)])


@pytest.mark.parametrize(("costs", "tolerance"), [(1, 1e-9), (2, 1e-9), (3, 0.03)])
def test_certain_gain_is_the_hypervolume_gained(costs: int, tolerance: float) -> None:
    rng = np.random.default_rng(costs)
    front = random_front(rng, 40, costs)
    reference = np.ones(1 + costs)
    points = rng.random((30, 1 + costs)) * 0.7
    before = moocore.hypervolume(front, ref=reference)
    expected = [
        moocore.hypervolume(np.concatenate([front, point[None]]), ref=reference) - before
        for point in points
    ]
    found = expected_improvement(
        points[:, 0], np.full(len(points), CERTAIN), points[:, 1:], front, reference
    )
    assert found == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("costs", [1, 2])
def test_expectation_by_sampling(costs: int) -> None:
    rng = np.random.default_rng(7)
    front = random_front(rng, 15, costs)
    reference = np.ones(1 + costs)
    cost = np.full((1, costs), 0.3)
    draws = rng.normal(0.4, 0.2, size=20_000)
    gains = expected_improvement(
        draws, np.full(len(draws), CERTAIN), np.repeat(cost, len(draws), axis=0), front, reference
    )
    found = expected_improvement(np.array([0.4]), np.array([0.2]), cost, front, reference)
    assert found[0] == pytest.approx(gains.mean(), abs=4 * gains.std() / np.sqrt(len(draws)))


@pytest.mark.parametrize("costs", [1, 2])
def test_a_large_front_is_looked_at_coarsely_and_never_overrated(costs: int) -> None:
    rng = np.random.default_rng(3)
    rows = rng.random((600, 1 + costs))
    front = rows / np.linalg.norm(rows, axis=1, keepdims=True)  # a sphere: none dominates another
    front = 1 - front * 0.9
    reference = np.ones(1 + costs)
    points = 1 - rng.random((50, 1 + costs))
    before = moocore.hypervolume(front, ref=reference)
    true = np.array(
        [
            moocore.hypervolume(np.concatenate([front, point[None]]), ref=reference) - before
            for point in points
        ]
    )
    found = expected_improvement(
        points[:, 0], np.full(len(points), CERTAIN), points[:, 1:], front, reference
    )
    assert (found <= true + 1e-9).all()
    assert (found >= 0.8 * true - 1e-3).all()


@pytest.mark.parametrize("costs", [1, 2, 3])
@pytest.mark.parametrize("size", [0, 1, 40])
def test_few_candidates_have_the_same_expectation(costs: int, size: int) -> None:
    rng = np.random.default_rng(size)
    front = random_front(rng, size, costs) if size else np.empty((0, 1 + costs))
    front = np.concatenate([front, front[:1]])  # two alike
    points = rng.random((16, 1 + costs)) * 1.2
    points[:, 1:] = points[:, 1:].round(1)  # on the members' edges, too
    front[:, 1:] = front[:, 1:].round(1)
    deviations = rng.random(len(points)) + 0.01
    arguments = (points[:, 0], deviations, points[:, 1:], front, np.ones(1 + costs))
    assert improvement_of_few(*arguments) == pytest.approx(expected_improvement(*arguments))


def test_empty_front_by_hand() -> None:
    # A box of 0.5 by 0.6.
    found = expected_improvement(
        np.array([0.5]), np.array([CERTAIN]), np.array([[0.4]]), np.empty((0, 2)), np.ones(2)
    )
    assert found[0] == pytest.approx(0.3)


def test_no_cost_at_all_is_plain_expected_improvement() -> None:
    found = expected_improvement(
        np.array([0.2]),
        np.array([CERTAIN]),
        np.empty((1, 0)),
        np.array([[0.5]]),
        np.array([1.0]),
    )
    assert found[0] == pytest.approx(0.3)


def test_worse_than_the_reference_gains_nothing() -> None:
    found = expected_improvement(
        np.array([0.1, 2.0]),
        np.array([CERTAIN, CERTAIN]),
        np.array([[1.5], [0.1]]),
        np.empty((0, 2)),
        np.ones(2),
    )
    assert found == pytest.approx([0.0, 0.0])
