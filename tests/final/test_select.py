from __future__ import annotations

import itertools
import random

import moocore
import pytest

from nas.final._select import ScoredNetwork, choose_subset, score_deviation, within_reach


def network(accuracy: float, *costs: float, deviation: float = 0.005) -> ScoredNetwork:
    return ScoredNetwork(accuracy=accuracy, deviation=deviation, costs=costs)


def test_deviation_counts_images_and_seed() -> None:
    assert score_deviation(0.9, 10**9) == pytest.approx(0.004, rel=1e-3)
    assert score_deviation(0.9, 5_000) == pytest.approx((0.09 / 5_000 + 0.004**2) ** 0.5)


def test_what_two_deviations_put_on_the_front_is_kept() -> None:
    networks = [network(0.90, 0.3), network(0.891, 0.4), network(0.88, 0.4), network(0.7, 0.1)]

    assert within_reach(networks) == (0, 1, 3)


def test_equal_networks_keep_each_other() -> None:
    assert within_reach([network(0.9, 0.3), network(0.9, 0.3)]) == (0, 1)


def test_a_subset_without_noise_is_the_best_by_brute_force_of_two() -> None:
    rng = random.Random(3)
    networks = [
        network(rng.uniform(0.5, 0.95), rng.random(), rng.random(), deviation=0.0)
        for _ in range(12)
    ]

    def volume(chosen: tuple[int, ...]) -> float:
        points = [[(1 - networks[i].accuracy) / 0.9, *networks[i].costs] for i in chosen]
        return float(moocore.hypervolume(points, ref=[1.0] * 3))

    chosen = choose_subset(networks, 2, worst_accuracy=0.1)

    best = max(itertools.combinations(range(12), 2), key=volume)
    # Greedy is within 1 - 1/e of the best; here it is nearly always the best itself.
    assert volume(chosen) >= 0.95 * volume(best)
    assert volume(chosen[:1]) == max(volume((i,)) for i in range(12))


def test_noise_keeps_near_rivals_in_where_certainty_would_not() -> None:
    """A dominated network adds nothing for certain, but something in expectation."""
    leader, rival, bad = network(0.9, 0.5), network(0.899, 0.5), network(0.85, 0.5)

    chosen = choose_subset([leader, bad, rival], 2, worst_accuracy=0.1)

    assert set(chosen) == {0, 2}


def test_no_more_than_there_are() -> None:
    assert set(choose_subset([network(0.9, 0.1), network(0.8, 0.1)], 5, worst_accuracy=0.1)) == {
        0,
        1,
    }
