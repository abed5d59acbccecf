"""Scoring a trained model on images it hasn't seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from nas.model import joined
from nas.train._augment import Normalizer
from nas.train._device import slice_of
from nas.train._precision import scoring_precision
from nas.train._tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from nas.data import ImageData, Images
    from nas.train._task import LearningTask

_BATCH = {"cpu": 128, "cuda": 2048}
"""Images of up to `_PIXELS`. On the CPU a batch's activations should stay in its cache: 1024 is a
third slower."""
_PIXELS = 64 * 64
_FEWEST = 8


@torch.inference_mode()
def measure_model(
    model: nn.Module, images: Images, data: ImageData, task: LearningTask | None = None
) -> dict[str, float]:
    """Every metric of the task for `model` on `images`.

    Args:
        model: Gives the task's outputs. Left in the mode, training or not, that it came in.
        images: Of the resolution wanted.
        data: Where the constants for normalising come from.
        task: What is measured; that of the data where None.
    """
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    normalize = Normalizer(data.mean, data.std, device)
    batch = batch_size(images.pixels.shape[-2:], device)
    task = task or task_of(data)
    meter = task.meter(task.num_outputs(data), device)
    was_training = model.training
    model.eval()
    for start in range(0, len(images), batch):
        pixels = slice_of(images, start, start + batch)
        with scoring_precision(device):
            outputs = joined(model(normalize(pixels.to(device))))
        meter.add(outputs, images.labels[start : start + batch].to(device))
    model.train(was_training)
    return meter.result()


def batch_size(sides: Sequence[int], device: torch.device) -> int:
    """Images scored at a time: fewer of larger ones, so that memory stays as it is."""
    most, pixels = _BATCH.get(device.type, 128), math.prod(sides)
    return most if pixels <= _PIXELS else max(_FEWEST, most * _PIXELS // pixels)


def evaluate_model(model: nn.Module, images: Images, data: ImageData) -> tuple[float, float]:
    """Accuracy in [0, 1] and mean loss on `images`, as the task of the data measures them."""
    measured = measure_model(model, images, data)
    return measured["accuracy"], measured["loss"]
