from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from nas.metrics import METRICS
from nas.report import noise_remarks
from nas.trial import Scores

if TYPE_CHECKING:
    from nas.metrics import Metric


ACCURACY, BALANCED = (METRICS[name] for name in ("accuracy", "balanced_accuracy"))


def said_of(
    rows: Any,
    *,
    chance: float,
    images: int,
    score: Metric = ACCURACY,
    task: str = "classification",
) -> tuple[str, ...]:
    return noise_remarks(
        rows, (score, METRICS["params"]), chance=chance, num_classes=3, images=images, task=task
    )


def _rows(*accuracies: float) -> Any:
    return [
        SimpleNamespace(cost=None, scores=SimpleNamespace(accuracy=value)) for value in accuracies
    ]


def test_nothing_is_said_of_shares_that_are_none() -> None:
    """The accuracy of regression is R squared."""
    assert not said_of(_rows(0.1), chance=0.0, images=29, task="regression")


def test_a_front_at_chance_is_said_to_be_so() -> None:
    (said,) = said_of(_rows(28 / 29), chance=28 / 29, images=29)

    assert "No network is better than always giving the most frequent class (96.6%)" in said


def test_a_front_within_noise_of_itself_is_said_to_be_so() -> None:
    (said,) = said_of(_rows(0.90, 0.88), chance=0.1, images=100)

    assert "within 2.0 points, which 100 validation images cannot tell apart" in said


def test_a_front_that_differs_needs_no_remark() -> None:
    assert said_of(_rows(0.90, 0.88), chance=0.1, images=10_000) == ()
    assert said_of(_rows(0.9), chance=0.1, images=100) == ()
    assert said_of([], chance=0.1, images=100) == ()


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

    assert said_of(rows, chance=0.9, images=42, score=BALANCED) == ()
    [same] = said_of(rows[:1] * 2, chance=0.9, images=42, score=BALANCED)
    [guess] = said_of(rows[1:], chance=0.9, images=42, score=BALANCED)
    assert "within 0.0 points" in same
    assert "No network is better" in guess


def test_other_scores_are_not_judged() -> None:
    assert said_of(_rows(0.1, 0.1), chance=0.1, images=10, score=METRICS["mean_iou"]) == ()
