"""What a training step minimises: the task's loss, and a teacher's answers where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from nas.model import joined

if TYPE_CHECKING:
    from nas.train._recipe import Distillation
    from nas.train._task import LearningTask


class Objective:
    """(outputs, targets, inputs) -> mean loss of the batch."""

    def __init__(
        self, task: LearningTask, *, smoothing: float, class_weights: Tensor | None = None
    ) -> None:
        """`class_weights` are (K,), on the device."""
        self._task, self._smoothing, self._class_weights = task, smoothing, class_weights

    def __call__(self, outputs: Tensor, targets: Tensor, inputs: Tensor) -> Tensor:
        """The task's loss; `inputs` are not looked at."""
        return self._task.loss(
            outputs, targets, smoothing=self._smoothing, class_weights=self._class_weights
        )


class DistillationObjective(Objective):
    """Partly the labels, partly what a teacher answers to the same inputs (arXiv 1503.02531).

    (1 - w) * loss + w * the task's distance between both at temperature T: of classes
    T^2 * KL(teacher / T || outputs / T).
    """

    def __init__(
        self,
        task: LearningTask,
        teacher: nn.Module,
        settings: Distillation,
        *,
        smoothing: float,
        class_weights: Tensor | None = None,
    ) -> None:
        """`teacher` is on the device; it is put into evaluation mode and never trained."""
        super().__init__(task, smoothing=smoothing, class_weights=class_weights)
        self._teacher, self._settings = teacher.eval(), settings

    def __call__(self, outputs: Tensor, targets: Tensor, inputs: Tensor) -> Tensor:
        """The weighted sum of both losses."""
        weight, heat = self._settings.weight, self._settings.temperature
        with torch.no_grad():
            wanted = joined(self._teacher(inputs)).float()
        gap = self._task.imitation(outputs.float(), wanted, heat)
        return (1 - weight) * super().__call__(outputs, targets, inputs) + weight * gap
