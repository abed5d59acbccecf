"""The tasks there are: one class an image, several, one a pixel, or numbers.

Every meter gives `accuracy` in [0, 1], so that tables and plots have something to show whatever
the task is; what a task is judged by (`score`) has a name of its own. Measures that are more
than a mean are torchmetrics', which is imported when it is needed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from nas.train._task import CLASSIFICATION, LearningTask, imitation_of_classes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nas.data import ImageData

IGNORED = 255
"""Label of pixels that are neither learnt nor measured, as in Pascal VOC."""


class _MeanMeter:
    """Means over images of the loss and of the accuracy; subclasses measure more."""

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(3, dtype=torch.float64, device=device)

    def _count(self, loss: Tensor, right: Tensor, count: int | Tensor) -> None:
        """Sums of the loss and of what is right, over `count` things."""
        self._sums += torch.stack(
            [loss.double(), right.double(), torch.as_tensor(count, device=loss.device).double()]
        )

    def _means(self) -> dict[str, float]:
        loss, right, count = self._sums.tolist()
        return {"accuracy": right / max(count, 1), "loss": loss / max(count, 1)}


class MultilabelMeter(_MeanMeter):
    """Share of (image, class) pairs that are right; mean average precision, F1."""

    def __init__(self, num_classes: int, device: torch.device) -> None:
        """Start at zero."""
        from torchmetrics import classification

        super().__init__(device)
        self._metrics = {
            "average_precision": classification.MultilabelAveragePrecision(num_classes),
            "f1": classification.MultilabelF1Score(num_classes),
        }
        for metric in self._metrics.values():
            metric.to(device)

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """(B, K) logits and (B, K) truth values."""
        logits, wanted = outputs.float(), targets.float()
        loss = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
        self._count(loss, ((logits > 0) == (wanted > 0.5)).sum(), wanted.numel())
        for metric in self._metrics.values():
            metric.update(logits.sigmoid(), targets.long())

    def result(self) -> dict[str, float]:
        """accuracy, average_precision (its mean over classes) and f1 in [0, 1]; loss."""
        return self._means() | {
            name: float(metric.compute().nan_to_num()) for name, metric in self._metrics.items()
        }


class SegmentationMeter(_MeanMeter):
    """Share of pixels that are right, and the mean over classes of intersection over union."""

    def __init__(self, num_classes: int, device: torch.device) -> None:
        """Start at zero."""
        from torchmetrics.classification import MulticlassJaccardIndex

        super().__init__(device)
        self._iou = MulticlassJaccardIndex(num_classes, ignore_index=IGNORED).to(device)

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """(B, K, h, w) logits, brought to the size of the (B, H, W) classes."""
        logits, wanted = at_size_of(outputs, targets), targets.long()
        loss = functional.cross_entropy(logits, wanted, ignore_index=IGNORED, reduction="sum")
        guesses = logits.argmax(1)
        self._count(loss, (guesses == wanted).sum(), (wanted != IGNORED).sum())
        self._iou.update(guesses, wanted)

    def result(self) -> dict[str, float]:
        """Accuracy and mean_iou in [0, 1]; loss in nats a pixel."""
        return self._means() | {"mean_iou": float(self._iou.compute())}


class RegressionMeter(_MeanMeter):
    """Share of the variance that is explained (not below 0), and the mean absolute error."""

    def __init__(self, num_outputs: int, device: torch.device) -> None:
        """Start at zero."""
        super().__init__(device)
        self._moments = torch.zeros(3, num_outputs, dtype=torch.float64, device=device)
        self._absolute = torch.zeros((), dtype=torch.float64, device=device)

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """(B, D) numbers, and those that were wanted."""
        wanted, error = targets.double(), outputs.double() - targets.double()
        self._count((error**2).mean(1).sum(), torch.zeros_like(error[0, 0]), len(targets))
        self._moments += torch.stack([wanted.sum(0), (wanted**2).sum(0), (error**2).sum(0)])
        self._absolute += error.abs().mean(1).sum()

    def result(self) -> dict[str, float]:
        """Accuracy (R squared, in [0, 1]), mean_absolute_error, loss (mean squared error)."""
        count = self._sums[2]
        total, squares, errors = self._moments
        spread = (squares - total**2 / count).clamp(min=1e-12)
        explained = (1 - errors / spread).mean().clamp(0, 1)
        return self._means() | {
            "accuracy": float(explained),
            "mean_absolute_error": float(self._absolute / count),
        }


def at_size_of(outputs: Tensor, targets: Tensor) -> Tensor:
    """(B, K, h, w) -> (B, K, H, W) float32, smoothly, where `targets` are (B, H, W)."""
    if outputs.shape[2:] == targets.shape[1:]:
        return outputs.float()
    size: Any = targets.shape[1:]
    return functional.interpolate(outputs.float(), size=size, mode="bilinear")


def multilabel_loss(
    outputs: Tensor, targets: Tensor, *, smoothing: float, class_weights: Tensor | None
) -> Tensor:
    """Mean binary cross-entropy in nats; smoothing moves truth values towards a half."""
    wanted = targets.float() * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(
        outputs.float(), wanted, weight=class_weights
    )


def segmentation_loss(
    outputs: Tensor, targets: Tensor, *, smoothing: float, class_weights: Tensor | None
) -> Tensor:
    """Mean cross-entropy in nats a pixel."""
    return functional.cross_entropy(
        at_size_of(outputs, targets),
        targets.long(),
        ignore_index=IGNORED,
        label_smoothing=smoothing,
        weight=class_weights,
    )


def regression_loss(
    outputs: Tensor, targets: Tensor, *, smoothing: float, class_weights: Tensor | None
) -> Tensor:
    """Mean squared error; numbers know neither smoothing nor classes."""
    return functional.mse_loss(outputs.float(), targets.float())


def imitation_of_labels(outputs: Tensor, wanted: Tensor, heat: float) -> Tensor:
    """T^2 times the mean binary cross-entropy, in nats, with what a teacher holds for likely."""
    return heat**2 * functional.binary_cross_entropy_with_logits(
        outputs / heat, (wanted / heat).sigmoid()
    )


def imitation_of_numbers(outputs: Tensor, wanted: Tensor, heat: float) -> Tensor:
    """Mean squared error to a teacher's numbers, which know no temperature."""
    return functional.mse_loss(outputs, wanted)


def _outputs(data: ImageData) -> int:
    return data.num_classes


TASKS: Mapping[str, LearningTask] = MappingProxyType(
    {
        "classification": CLASSIFICATION,
        "multilabel": LearningTask(
            name="multilabel",
            score="average_precision",
            num_outputs=_outputs,
            loss=multilabel_loss,
            meter=MultilabelMeter,
            has_several_heads=True,
            imitation=imitation_of_labels,
        ),
        "segmentation": LearningTask(
            name="segmentation",
            score="mean_iou",
            num_outputs=_outputs,
            loss=segmentation_loss,
            meter=SegmentationMeter,
            has_one_class=True,
            has_masks=True,
            imitation=imitation_of_classes,
        ),
        "regression": LearningTask(
            name="regression",
            score="accuracy",
            num_outputs=_outputs,
            loss=regression_loss,
            meter=RegressionMeter,
            has_several_heads=True,
            imitation=imitation_of_numbers,
        ),
    }
)
"""By the name that data have for their task."""


def task_of(data: ImageData) -> LearningTask:
    """What is to be learnt from these data."""
    return TASKS[data.options.task]
