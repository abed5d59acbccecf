from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nas.report import noise_remarks
from nas.trial import Scores


def _rows(*accuracies: float) -> Any:
    return [
        SimpleNamespace(cost=None, scores=SimpleNamespace(accuracy=value)) for value in accuracies
    ]


def test_a_front_at_chance_is_said_to_be_so() -> None:
    (said,) = noise_remarks(_rows(28 / 29), chance=28 / 29, images=29)

    assert "No network is better than always giving the most frequent class (96.6%)" in said


def test_a_front_within_noise_of_itself_is_said_to_be_so() -> None:
    (said,) = noise_remarks(_rows(0.90, 0.88), chance=0.1, images=100)

    assert "within 2.0 points, which 100 validation images cannot tell apart" in said


def test_a_front_that_differs_needs_no_remark() -> None:
    assert noise_remarks(_rows(0.90, 0.88), chance=0.1, images=10_000) == ()
    assert noise_remarks(_rows(0.9), chance=0.1, images=100) == ()
    assert noise_remarks([], chance=0.1, images=100) == ()


def test_balanced_accuracies_are_judged_where_they_are_searched_for() -> None:
    rows: Any = [
        SimpleNamespace(
            cost=None,
            scores=Scores(
                accuracy=0.9, loss=0.5, train_s=1.0, custom={"balanced_accuracy": value}
            ),
        )
        for value in (1.0, 0.4)
    ]

    assert noise_remarks(rows, chance=1 / 3, images=42, balanced=True) == ()
    [same] = noise_remarks(rows[:1] * 2, chance=1 / 3, images=42, balanced=True)
    [guess] = noise_remarks(rows[1:], chance=1 / 3, images=42, balanced=True)
    assert "within 0.0 points" in same
    assert "No network is better" in guess
