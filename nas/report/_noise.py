"""What a front cannot tell: accuracies that are no better than guessing, or than each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.metrics import score_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.metrics import Metric
    from nas.report._front import FrontRow

SURE = 2.0
"""Standard errors that make a difference: chance alone exceeds so many once in forty times."""


def noise_remarks(
    rows: Sequence[FrontRow],
    objectives: Sequence[Metric],
    *,
    chance: float,
    num_classes: int,
    images: int,
    task: str,
) -> tuple[str, ...]:
    """Sentences about a front within noise of chance, or whose networks are within noise.

    Args:
        rows: The front.
        objectives: Of the search. Nothing is said of scores other than accuracy and balanced
            accuracy; the latter's error is at least that of a binomial share.
        chance: Accuracy of always giving the most frequent class, in [0, 1].
        num_classes: K; balanced accuracy of always giving one class is 1 / K.
        images: Validated with. An accuracy's standard error is that of a binomial share of them;
            two networks of the front have seen the same images, so that their difference is, if
            anything, less uncertain than said here.
        task: What the networks learn; the accuracy of regression is no share of images.
    """
    metric = score_of(objectives)
    if task == "regression" or not rows or metric.name not in ("accuracy", "balanced_accuracy"):
        return ()
    if metric.name == "balanced_accuracy":
        chance = 1 / num_classes
    accuracies = [metric.value(row.cost, row.scores) for row in rows]
    best, worst = max(accuracies), min(accuracies)
    if best - chance <= SURE * _error(chance, images):
        return (
            f"No network is better than always giving the most frequent class ({chance:.1%}), "
            f"as far as {images:,} validation images can tell: train longer, give more images, "
            "or search another space.",
        )
    spread = SURE * (_error(best, images) ** 2 + _error(worst, images) ** 2) ** 0.5
    if len(rows) > 1 and best - worst <= spread:
        return (
            f"The front's accuracies lie within {100 * (best - worst):.1f} points, which "
            f"{images:,} validation images cannot tell apart: take the cheapest network.",
        )
    return ()


def _error(accuracy: float, images: int) -> float:
    return float((max(accuracy * (1 - accuracy), 1 / images) / images) ** 0.5)
