from __future__ import annotations

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


def test_the_second_of_two_is_the_best_beside_the_most_accurate_by_brute_force() -> None:
    rng = random.Random(3)
    networks = [
        network(rng.uniform(0.5, 0.95), rng.random(), rng.random(), deviation=0.0)
        for _ in range(12)
    ]

    def volume(chosen: tuple[int, ...]) -> float:
        points = [[(1 - networks[i].accuracy) / 0.9, *networks[i].costs] for i in chosen]
        return float(moocore.hypervolume(points, ref=[1.0] * 3))

    chosen = choose_subset(networks, 2, worst_accuracy=0.1)

    first = max(range(12), key=lambda index: networks[index].accuracy)
    assert chosen[0] == first
    best = max(volume((first, other)) for other in range(12) if other != first)
    assert volume(chosen) == pytest.approx(best)


def test_the_most_accurate_network_is_chosen_however_dear() -> None:
    """As in a search of `lru_vgnet`: the dear end has next to no volume."""
    cheap = [network(0.80 + 0.01 * step, 0.05 * step, 0.05 * step) for step in range(12)]

    assert choose_subset([*cheap, network(0.92, 0.99, 0.99)], 3, worst_accuracy=0.1)[0] == 12


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
