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
    from collections.abc import Iterator, Sequence

    from torch import Tensor, nn

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
    task = task or task_of(data)
    meter = task.meter(task.num_outputs(data), _device(model))
    for outputs, labels in _outputs(model, images, data):
        meter.add(outputs, labels)
    return meter.result()


@torch.inference_mode()
def missed_classes(model: nn.Module, images: Images, data: ImageData) -> tuple[str, ...]:
    """Names of the classes that have images here, none of which `model` recognises."""
    seen, right = torch.zeros(2, data.num_classes, dtype=torch.bool)
    for outputs, labels in _outputs(model, images, data):
        seen[labels.cpu()] = True
        right[labels[outputs.argmax(1) == labels].cpu()] = True
    return tuple(data.class_names[int(index)] for index in (seen & ~right).nonzero())


def _outputs(model: nn.Module, images: Images, data: ImageData) -> Iterator[tuple[Tensor, Tensor]]:
    """What the model makes of the images, and their labels, batch by batch on its device."""
    device = _device(model)
    normalize = Normalizer(data.mean, data.std, device)
    batch = batch_size(images.pixels.shape[-2:], device)
    was_training = model.training
    model.eval()
    for start in range(0, len(images), batch):
        pixels = slice_of(images, start, start + batch)
        with scoring_precision(device):
            outputs = joined(model(normalize(pixels.to(device))))
        yield outputs, images.labels[start : start + batch].to(device)
    model.train(was_training)


def _device(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def batch_size(sides: Sequence[int], device: torch.device) -> int:
    """Images scored at a time: fewer of larger ones, so that memory stays as it is."""
    most, pixels = _BATCH.get(device.type, 128), math.prod(sides)
    return most if pixels <= _PIXELS else max(_FEWEST, most * _PIXELS // pixels)


def evaluate_model(model: nn.Module, images: Images, data: ImageData) -> tuple[float, float]:
    """Accuracy in [0, 1] and mean loss on `images`, as the task of the data measures them."""
    measured = measure_model(model, images, data)
    return measured["accuracy"], measured["loss"]
