"""What is to be learnt: the loss, what is measured, and how wide the head is.

Classification is one task; others are in `_tasks.py`, each with a loss and a meter of its own.
Recipes and checkpoints know no task by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.data import ImageData


class Loss(Protocol):
    """How wrong outputs are."""

    def __call__(
        self, outputs: Tensor, targets: Tensor, *, smoothing: float, class_weights: Tensor | None
    ) -> Tensor:
        """Mean loss of a batch; targets are labels, or (B, K) shares where images are mixed."""
        ...


class Meter(Protocol):
    """Collects outputs batch by batch, on their device, and measures at the end."""

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Take in one batch."""
        ...

    def result(self) -> dict[str, float]:
        """Every metric of the task by name, `loss` among them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningTask:
    """One kind of task."""

    name: str
    score: str
    """The metric that says which of two networks is better; higher is."""
    num_outputs: Callable[[ImageData], int]
    """How many outputs the head has for these data."""
    loss: Loss
    meter: Callable[[int, torch.device], Meter]
    """Makes a meter for so many outputs on a device."""


class ClassificationMeter:
    """Accuracy, balanced accuracy (the mean of each class's) and cross-entropy in nats."""

    def __init__(self, num_classes: int, device: torch.device) -> None:
        """Start at zero."""
        # float64: exact whatever the number of images, and read once, at the end.
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._right, self._seen = torch.zeros(2, num_classes, dtype=torch.float64, device=device)

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """(B, K) logits and (B,) labels."""
        classes = len(self._seen)
        self._loss += functional.cross_entropy(outputs.float(), targets, reduction="sum")
        self._seen += torch.bincount(targets, minlength=classes)
        right = targets[outputs.argmax(1) == targets]
        self._right += torch.bincount(right, minlength=classes)

    def result(self) -> dict[str, float]:
        """Accuracy and balanced_accuracy in [0, 1]; loss."""
        count, there = self._seen.sum(), self._seen > 0
        return {
            "accuracy": (self._right.sum() / count).item(),
            "balanced_accuracy": (self._right[there] / self._seen[there]).mean().item(),
            "loss": (self._loss / count).item(),
        }


def classification_loss(
    outputs: Tensor, targets: Tensor, *, smoothing: float, class_weights: Tensor | None
) -> Tensor:
    """Mean cross-entropy in nats of (B, K) logits."""
    return functional.cross_entropy(
        outputs.float(), targets, label_smoothing=smoothing, weight=class_weights
    )


def balanced_weights(labels: Tensor, num_classes: int) -> Tensor:
    """(K,) weights by which every class counts the same in the loss; their mean over images is 1.

    A class without images has weight 0.
    """
    counts = torch.bincount(labels, minlength=num_classes).float()
    weights = len(labels) / (counts.count_nonzero() * counts)
    return torch.where(counts > 0, weights, 0.0)


CLASSIFICATION = LearningTask(
    name="classification",
    score="accuracy",
    num_outputs=lambda data: data.num_classes,
    loss=classification_loss,
    meter=ClassificationMeter,
)
