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

from nas.data import class_counts
from nas.errors import OptionError

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
    has_one_class: bool = False
    """Whether an image, or a pixel, has one class, which can be weighed."""
    has_masks: bool = False
    """Whether labels lie where the pixels lie, and move with them: heads answer for each pixel."""
    has_several_heads: bool = False
    """Whether several heads may share its outputs out among them."""
    can_mix: bool = False
    """Whether the labels of two images can be mixed."""
    imitation: Callable[[Tensor, Tensor, float], Tensor]
    """(outputs, a teacher's, temperature) -> how far apart they are, on the scale of the loss."""


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
    """(K,) weights by which every class counts the same in the loss.

    Their mean over images, or over the known pixels of masks, is 1. A class without any has
    weight 0.
    """
    counts = class_counts(labels, num_classes).float()
    weights = counts.sum() / (counts.count_nonzero() * counts)
    return torch.where(counts > 0, weights, 0.0)


def check_class_weights(class_weights: str, task: LearningTask) -> None:
    """Raise OptionError where classes are to be weighed and an image or pixel has no one class."""
    if class_weights != "none" and not task.has_one_class:
        raise OptionError(
            f"`class_weights` {class_weights}: weighs images or pixels of one class each, and "
            f"this is {task.name}; leave it out"
        )


def imitation_of_classes(outputs: Tensor, wanted: Tensor, heat: float) -> Tensor:
    """T^2 * KL(wanted / T || outputs / T), in nats, of (B, K) or (B, K, H, W) logits.

    A mean over images, and pixels (arXiv 1503.02531, section 2).
    """
    if wanted.ndim == 4 and wanted.shape != outputs.shape:
        wanted = functional.interpolate(wanted, size=outputs.shape[2:], mode="bilinear")
    target = functional.log_softmax(wanted / heat, dim=1)
    answered = functional.log_softmax(outputs / heat, dim=1)
    gaps = functional.kl_div(answered, target, reduction="none", log_target=True)
    return heat**2 * gaps.sum(1).mean()


CLASSIFICATION = LearningTask(
    name="classification",
    score="accuracy",
    num_outputs=lambda data: data.num_classes,
    loss=classification_loss,
    meter=ClassificationMeter,
    has_one_class=True,
    can_mix=True,
    imitation=imitation_of_classes,
)
