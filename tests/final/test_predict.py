from __future__ import annotations

import math
import random

import pytest
from scipy.stats import kendalltau

from nas.final._predict import FLATTENING, CurveModel, Features, Stretch

SHORT, MIDDLE, LONG = 12_000, 110_000, 825_000


def features(params: int, macs: int = 500_000, family: str = "lru") -> Features:
    return Features(params=params, macs=macs, family=family)


def test_without_evidence_curves_are_flat() -> None:
    assert CurveModel([]).predict(features(10_000), 0.85, SHORT, LONG) == pytest.approx(0.85)


def test_one_stretch_is_carried_on() -> None:
    seen = Stretch(features=features(10_000), images=(SHORT, MIDDLE), accuracies=(0.8, 0.9))

    predicted = CurveModel([seen]).predict(features(10_000), 0.9, MIDDLE, LONG)

    slope = math.log(2) / math.log(MIDDLE / SHORT)
    assert predicted == pytest.approx(1 - 0.1 * (LONG / MIDDLE) ** (-FLATTENING * slope))
    assert CurveModel([seen]).predict(features(10_000), 0.9, LONG, MIDDLE) == 0.9


def test_a_curve_that_rises_is_not_carried_on_downwards() -> None:
    seen = Stretch(features=features(10_000), images=(SHORT, MIDDLE), accuracies=(0.9, 0.8))

    assert CurveModel([seen]).predict(features(10_000), 0.8, MIDDLE, LONG) == pytest.approx(0.8)


def test_slow_starters_are_told_from_what_they_are_like() -> None:
    """Large networks learn more slowly at first; ranked by score they lose, by prediction not."""
    rng = random.Random(1)
    networks, stretches, scores, ends = [], [], [], []
    for _ in range(40):
        one = features(
            int(10 ** rng.uniform(3, 5)), int(10 ** rng.uniform(5, 6.5)), rng.choice("ab")
        )
        size = (math.log10(one.params) - 3) / 2
        slope = 0.05 + 0.2 * size + 0.05 * (one.family == "b")
        end = 0.10 - 0.02 * size - 0.01 * (one.family == "b")
        middle = end * (LONG / MIDDLE) ** (slope * FLATTENING)
        start = middle * (MIDDLE / SHORT) ** slope
        noise = [rng.gauss(0, 0.004) for _ in range(2)]
        accuracies = (1 - start + noise[0], 1 - middle + noise[1])
        networks.append(one)
        stretches.append(Stretch(features=one, images=(SHORT, MIDDLE), accuracies=accuracies))
        scores.append(accuracies[1])
        ends.append(1 - end)

    model = CurveModel(stretches)
    predicted = [
        model.predict(one, score, MIDDLE, LONG)
        for one, score in zip(networks, scores, strict=True)
    ]

    by_score, by_prediction = (kendalltau(each, ends).statistic for each in (scores, predicted))
    assert by_prediction > by_score + 0.05


def test_measured_networks_are_predicted_to_half_a_point_on_average() -> None:
    """Five networks on Fashion-MNIST: after 12k, 110k and 825k images."""
    measured = [
        (2_638, 130_000, 0.829, 0.885, 0.9072),
        (11_258, 490_000, 0.8555, 0.906, 0.9190),
        (22_098, 1_350_000, 0.859, 0.896, 0.9192),
        (48_378, 1_050_000, 0.8645, 0.913, 0.9262),
        (58_010, 2_690_000, 0.8335, 0.905, 0.9272),
    ]
    stretches = [
        Stretch(
            features=features(params, macs),
            images=(SHORT, MIDDLE),
            accuracies=(short, middle),
        )
        for params, macs, short, middle, _ in measured
    ]
    model = CurveModel(stretches)

    errors = [
        model.predict(features(params, macs), middle, MIDDLE, LONG) - final
        for params, macs, _, middle, final in measured
    ]

    assert sum(map(abs, errors)) / len(errors) < 0.007
    assert abs(sum(errors)) / len(errors) < 0.004
