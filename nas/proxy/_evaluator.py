"""What a worker holds: the data, and how one task becomes one result."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

from nas.cost import training_bytes
from nas.data import fold_of
from nas.errors import IllegalArchitecture
from nas.model import build_model, save_weights
from nas.proxy._train import train_proxy
from nas.train import memory_bytes, proxy_seed, resized_sides, seeded
from nas.trial import Failure, Scores, TrialResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from nas.arch import Architecture
    from nas.data import ImageData
    from nas.metrics import Metric
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
        self,
        data: ImageData,
        device: str = "cpu",
        *,
        build: Build = build_model,
        metrics: Sequence[Metric] = (),
        num_on_machine: int = 1,
    ) -> None:
        """Keep the data; nothing is computed yet.

        Args:
            data: Trained and validated on.
            device: As torch names it.
            build: Makes the network of an architecture.
            metrics: Of the user's own, computed on each trained network.
            num_on_machine: Workers that share the machine's memory, this one included.
        """
        self._metrics = tuple(metrics)
        self._data = data
        self._device = device
        self._build = build
        # Workers on one GPU are held to their shares by torch, which are lifted where it helps.
        self._sharing = num_on_machine if device == "cpu" else 1
        self._memory_bytes = memory_bytes(device) // self._sharing

    def __call__(self, task: Task) -> TrialResult:
        """Build, train and score one architecture; any exception becomes a `Failure`."""
        try:
            return self._evaluate(task)
        except Exception as error:
            return TrialResult(number=task.number, failure=Failure.from_exception(error))

    def _evaluate(self, task: Task) -> TrialResult:
        data, seed = self._data, proxy_seed(task.arch.id, task.seed)
        if self._build is build_model:  # of others nothing is known beforehand
            self._check_memory(task)
        model, scores = self._trained(task, data, seed)
        others = [
            self._trained(task, fold_of(data, number, task.fidelity.folds), seed + number)[1]
            for number in range(1, task.fidelity.folds)
        ]
        return TrialResult(
            number=task.number, scores=_mean([scores, *others]), weights=save_weights(model)
        )

    def _trained(self, task: Task, data: ImageData, seed: int) -> tuple[nn.Module, Scores]:
        with seeded(seed):
            model = self._build(
                task.arch, in_channels=data.input_shape[0], num_classes=data.num_classes
            )
        scores = train_proxy(model, data, task.fidelity, seed=seed, device=self._device)
        if self._metrics:
            own = {one.name: one.computed(model, data) for one in self._metrics}
            scores = dataclasses.replace(scores, custom=scores.custom | own)
        return model, scores

    def _check_memory(self, task: Task) -> None:
        """Raise MemoryError where the training cannot fit: the system would kill the process."""
        data, fidelity = self._data, task.fidelity
        channels, height, width = data.input_shape
        height, width = resized_sides(height, width, fidelity.resolution)
        try:
            needed = training_bytes(
                task.arch,
                input_shape=(channels, height, width),
                num_classes=data.num_classes,
                batch_size=min(fidelity.batch_size, len(data.train)),
            )
        except IllegalArchitecture:
            # On a low rung maps may shrink to one pixel and be strided over: torch can do that.
            return
        if needed > self._memory_bytes:
            shared = self._sharing > 1
            share = f", as one of {self._sharing} on its machine" * shared
            raise MemoryError(
                f"its training needs {needed / 1e9:.1f} GB at least, and this worker has "
                f"{self._memory_bytes / 1e9:.1f} GB{share}; search smaller ones (`limits` params)"
                f"{', take fewer `workers`' * shared}, or train on a machine with more memory"
            )


def _mean(scores: Sequence[Scores]) -> Scores:
    """Means over folds, and the time of all together."""
    first, count = scores[0], len(scores)
    if count == 1:
        return first
    return Scores(
        accuracy=sum(one.accuracy for one in scores) / count,
        loss=sum(one.loss for one in scores) / count,
        train_s=sum(one.train_s for one in scores),
        custom={name: sum(one.custom[name] for one in scores) / count for name in first.custom},
    )
