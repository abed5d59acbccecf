"""What a worker holds: the data, and how one task becomes one result."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

import torch

from nas.model import build_model, save_weights
from nas.proxy._train import train_proxy
from nas.train import proxy_seed, seeded
from nas.trial import Failure, TrialResult

if TYPE_CHECKING:
    from torch import nn

    from nas.arch import Architecture
    from nas.data import ImageData
    from nas.trial import Task


class Build(Protocol):
    """How an architecture becomes a network."""

    def __call__(self, arch: Architecture, *, in_channels: int, num_classes: int) -> nn.Module:
        """Network of (B, in_channels, H, W) -> (B, num_classes), freshly initialised."""
        ...


class Evaluator:
    """Evaluates tasks one after another: `Task` -> `TrialResult`, and never raises.

    Built once for each worker. A result follows from the data, the task and the number of
    threads alone.
    """

    def __init__(
        self, data: ImageData, device: str = "cpu", *, build: Build = build_model
    ) -> None:
        """Keep the data; nothing is computed yet.

        Args:
            data: Trained and validated on.
            device: As torch names it.
            build: Makes the network of an architecture.
        """
        self._data = data
        self._device = device
        self._build = build

    def __call__(self, task: Task) -> TrialResult:
        """Build, train and score one architecture; any exception becomes a `Failure`."""
        try:
            return self._evaluate(task)
        except Exception as error:
            return TrialResult(number=task.number, failure=_failure(error))

    def _evaluate(self, task: Task) -> TrialResult:
        data, seed = self._data, proxy_seed(task.arch.id, task.seed)
        with seeded(seed):
            model = self._build(
                task.arch, in_channels=data.input_shape[0], num_classes=data.num_classes
            )
        scores = train_proxy(model, data, task.fidelity, seed=seed, device=self._device)
        return TrialResult(number=task.number, scores=scores, weights=save_weights(model))


def _failure(error: Exception) -> Failure:
    failure = Failure.from_exception(error)
    # On the CPU, torch raises a plain RuntimeError when memory runs out.
    short = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    if short or "can't allocate memory" in failure.message:
        return dataclasses.replace(failure, kind="OutOfMemory")
    return failure
