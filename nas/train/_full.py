"""A full training: every epoch scored on the validation images, put away, and told of."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from nas.errors import Diverged
from nas.train._device import on_device
from nas.train._evaluate import measure_model
from nas.train._kernels import KernelChoice, choose_kernels
from nas.train._losses import task_with
from nas.train._seeds import seeded
from nas.train._training import Training, TrainingSetup

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.data import ImageData, Images
    from nas.train._checkpoint import Checkpoint
    from nas.train._kernels import KernelsWanted
    from nas.train._recipe import Recipe
    from nas.train._task import LearningTask


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One epoch of a training: a row of its curves."""

    epoch: int
    """From 1."""
    num_epochs: int
    """Of the whole training."""
    rate: float
    """Learning rate of the epoch's last step."""
    train_loss: float
    """Mean over the epoch, of augmented images and with whatever the recipe adds to the loss."""
    validation: dict[str, float]
    """Every metric of the task on the validation images."""
    elapsed_s: float
    """Since the training began, pauses left out."""

    @property
    def left_s(self) -> float:
        """Seconds until the last epoch is over, at the mean speed so far."""
        return self.elapsed_s / self.epoch * (self.num_epochs - self.epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """How a full training ended; the model it was given holds the chosen weights."""

    history: tuple[EpochRecord, ...]
    chosen: EpochRecord
    """The epoch whose weights were kept, by validation images alone."""
    kernels: KernelChoice
    """What computed its steps."""


def train_model(
    model: nn.Module,
    data: ImageData,
    recipe: Recipe,
    *,
    seed: int,
    device: str = "cpu",
    task: LearningTask | None = None,
    teacher: nn.Module | None = None,
    checkpoint: Checkpoint | None = None,
    kernels: KernelsWanted = "auto",
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> Trained:
    """Train `model` in place by a recipe; afterwards it holds the weights to keep.

    The result follows from the arguments alone, and on the CPU is equal to the bit for an equal
    number of threads, however often it was stopped and gone on with.

    Args:
        model: (B, C, H, W) -> the task's outputs, initialised (under `seeded`) by the caller.
        data: Trained and validated on; the test images are not in it.
        recipe: How.
        seed: Fixes the order of the images, their augmentation, and dropout.
        device: As torch names it.
        task: What is learnt and measured; that of the data where None.
        teacher: Gives what `model` gives, to the same images; learnt from where given.
        checkpoint: Written after each epoch; gone on from where it exists.
        kernels: What computes a step on the CPU; `auto` tries, and rounds as what it chose does.
        on_epoch: Called after each epoch, when its checkpoint is written.

    Raises:
        Diverged: A loss is no longer finite.
        RunFolderError: The checkpoint cannot be written, or is of another training.
    """
    train, val = (on_device(part, device) for part in (data.train, data.val))
    model.to(device).to(memory_format=torch.channels_last)
    set_dropout(model, recipe.regularization.dropout)
    setup = TrainingSetup(
        train=train,
        data=data,
        recipe=recipe,
        seed=seed,
        task=task or task_with(data, recipe.loss),
        teacher=None if teacher is None else teacher.to(device),
    )
    state = checkpoint.load() if checkpoint is not None else None
    choice = (
        choose_kernels(model, setup, kernels)
        if state is None
        else KernelChoice(kernels=state["kernels"], reason=state["reason"])
    )
    with seeded(seed):
        run = _FullRun(model, setup, val, choice)
        with choice.patched(model), choice.patched(run.averaged):
            if state is not None:
                run.load_state(state)
            while not run.training.is_over:
                record = run.epoch()
                if checkpoint is not None:
                    checkpoint.save(run.state())
                if on_epoch is not None:
                    on_epoch(record)
            return run.finish()


class _FullRun:
    """A training with its curves and the best weights so far."""

    def __init__(
        self, model: nn.Module, setup: TrainingSetup, val: Images, choice: KernelChoice
    ) -> None:
        self.training = Training(model, setup, forward=choice.forward(model))
        self._choice = choice
        self._val, self._setup = val, setup
        self._history: list[EpochRecord] = []
        self._best: tuple[int, dict[str, Any]] | None = None
        self._before_s, self._started = 0.0, time.perf_counter()

    @property
    def averaged(self) -> nn.Module:
        """The average of the weights, where there is one."""
        average = self.training.average
        return nn.Identity() if average is None else average.module

    def epoch(self) -> EpochRecord:
        training, setup = self.training, self._setup
        loss = training.run_epoch()
        scored = training.scored_model()
        measured = measure_model(scored, self._val, setup.data, setup.task)
        if not math.isfinite(measured["loss"]):
            raise Diverged(
                f"validation loss is {measured['loss']} after epoch {training.epoch} of "
                f"{training.num_epochs}"
            )
        last_step = min(training.epoch * training.steps_per_epoch, training.num_steps) - 1
        record = EpochRecord(
            epoch=training.epoch,
            num_epochs=training.num_epochs,
            rate=training.rates[last_step],
            train_loss=loss,
            validation=measured,
            elapsed_s=self._before_s + time.perf_counter() - self._started,
        )
        self._history.append(record)
        if setup.recipe.select == "best" and self._is_best(record):
            weights = {name: value.clone() for name, value in scored.state_dict().items()}
            self._best = record.epoch, weights
        return record

    def _is_best(self, record: EpochRecord) -> bool:
        score = self._setup.task.score
        return all(record.validation[score] > one.validation[score] for one in self._history[:-1])

    def state(self) -> dict[str, Any]:
        return {
            "training": self.training.state(),
            "history": [asdict(record) for record in self._history],
            "best": self._best,
            "kernels": self._choice.kernels,
            "reason": self._choice.reason,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.training.load_state(state["training"])
        self._history = [EpochRecord(**record) for record in state["history"]]
        self._best = state["best"] and tuple(state["best"])
        self._before_s = self._history[-1].elapsed_s

    def finish(self) -> Trained:
        """Put the chosen weights into the model."""
        chosen = self._history[-1]
        if self._best is not None:
            epoch, weights = self._best
            chosen = self._history[epoch - 1]
        else:
            weights = self.training.scored_model().state_dict()
        self.training.model.load_state_dict(weights)
        return Trained(history=tuple(self._history), chosen=chosen, kernels=self._choice)


def set_dropout(model: nn.Module, share: float | None) -> None:
    """Drop `share` of what the head's last layer is given while training; None changes nothing."""
    if share is None:
        return
    found = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    for module in found:
        module.p = share
    layers = [one for one in model.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
    if not found and layers:
        layers[-1].register_forward_pre_hook(
            lambda layer, inputs: nn.functional.dropout(inputs[0], share, layer.training)
        )
