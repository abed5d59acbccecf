"""One training, epoch by epoch: batches, rates, averages, and a state that can be put away.

The result follows from the arguments alone, and on the CPU it is equal to the bit for an equal
number of threads. The caller runs it under `seeded(seed)`: dropout and mixing draw from torch's
global generators.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from nas.errors import Diverged, RecipeError
from nas.train._augment import Augmenter, Normalizer, augment_with_masks
from nas.train._average import averaged, estimate_norms
from nas.train._mix import mix
from nas.train._objective import DistillationObjective, Objective
from nas.train._recipe import Distillation, learning_rates, peak_rate
from nas.train._step import make_step
from nas.train._task import CLASSIFICATION, balanced_weights, check_class_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from nas.data import ImageData, Images
    from nas.train._recipe import Recipe
    from nas.train._task import LearningTask


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSetup:
    """What a training is made of besides the network."""

    train: Images
    """On the device unless they are mapped from disk, labels always; of the resolution wanted."""
    data: ImageData
    """Where mean, deviation, classes and symmetry come from."""
    recipe: Recipe
    seed: int
    """Fixes the order of the images and their augmentation."""
    task: LearningTask = CLASSIFICATION
    teacher: nn.Module | None = None
    """On the device; gives what the network gives."""


class Training:
    """A network and everything that changes while it is trained."""

    def __init__(
        self,
        model: nn.Module,
        setup: TrainingSetup,
        *,
        forward: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """Take a model that is on the device of the images, in channels-last format.

        `forward` stands in for it in training steps: the same function, compiled.
        """
        check_recipe(setup.recipe, setup.train.pixels, setup.task)
        recipe, device = setup.recipe, setup.train.labels.device
        self.setup, self.model, self._device = setup, model, device
        self.batch_size = min(recipe.batch_size, len(setup.train))
        self.steps_per_epoch = len(setup.train) // self.batch_size
        self.num_steps = recipe.num_steps(self.steps_per_epoch)
        self.num_epochs = recipe.num_epochs(self.steps_per_epoch)
        self.rates = learning_rates(
            recipe.schedule, self.num_steps, peak_rate(recipe.optimizer, self.batch_size)
        )
        self.epoch = 0
        """Epochs that are over."""
        decay = recipe.regularization.ema
        self.average = averaged(model, decay) if decay else None
        self.step = make_step(model, device, recipe, _objective(setup), forward)
        self.normalize = Normalizer(setup.data.mean, setup.data.std, device)
        self._generator = torch.Generator().manual_seed(setup.seed)
        self._augment = Augmenter(
            recipe.augmentation, self._generator, setup.data.mean, flip=setup.data.flip
        )

    @property
    def is_over(self) -> bool:
        """Whether all epochs are over."""
        return self.epoch >= self.num_epochs

    def run_epoch(self) -> float:
        """Train for one epoch; its mean loss. Raises Diverged."""
        images, batch = self.setup.train, self.batch_size
        first = self.epoch * self.steps_per_epoch
        rates = self.rates[first : first + self.steps_per_epoch]
        order = torch.randperm(len(images), generator=self._generator).to(self._device)
        summed = torch.zeros((), device=self._device)
        self.model.train()
        for number, rate in enumerate(rates):
            inputs, targets = self.batch(
                order[number * batch : (number + 1) * batch], first + number
            )
            summed += self.step(inputs, targets, rate=rate)
            if self.average is not None:
                self.average.update_parameters(self.model)
        self.epoch += 1
        # Asked once an epoch: asking each step would wait for the device each time.
        if not summed.isfinite():
            raise Diverged(_advice(summed.item(), self, rates[-1]))
        return summed.item() / len(rates)

    def batch(self, index: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """Normalised images and their targets, augmented as in step `number`."""
        images, recipe = self.setup.train, self.setup.recipe.augmentation
        pixels, targets = images.rows(index).to(self._device), images.labels[index]
        if self.setup.task.has_masks:
            pixels, targets = augment_with_masks(self._augment, pixels, targets)
        else:
            pixels = self._augment(pixels)
        inputs = self.normalize(pixels)
        if not recipe.mixes:
            return inputs, targets
        progress = number / self.num_steps
        return mix(inputs, targets, recipe, self.setup.data.num_classes, progress=progress)

    def scored_model(self) -> nn.Module:
        """What is scored and kept: the average with norms that fit it, or the model itself."""
        if self.average is None:
            return self.model
        module: nn.Module = self.average.module
        estimate_norms(module, self.setup.train, self.normalize)
        return module

    def state(self) -> dict[str, Any]:
        """Everything that changes, generators included, as torch saves it."""
        state: dict[str, Any] = {
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "optimizer": self.step.optimizer.state_dict(),
            "order": self._generator.get_state(),
            "global": torch.get_rng_state(),
        }
        if self.average is not None:
            state["average"] = self.average.state_dict()
        if self._device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state()
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken; also torch's global generators do."""
        self.epoch = state["epoch"]
        self.model.load_state_dict(state["model"])
        self.step.optimizer.load_state_dict(state["optimizer"])
        for group in self.step.optimizer.param_groups:
            if isinstance(group["lr"], torch.Tensor):  # read to the CPU; a CUDA graph reads it
                group["lr"] = group["lr"].to(self._device)
        self._generator.set_state(state["order"])
        torch.set_rng_state(state["global"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"])


def check_recipe(recipe: Recipe, pixels: Tensor, task: LearningTask) -> None:
    """Raise UserError for what the images, (N, C, H, W), or their task are not fit for."""
    check_class_weights(recipe.regularization.class_weights, task)
    augmentation = recipe.augmentation
    changes_colours = augmentation.rand_augment is not None or augmentation.erasing
    if augmentation.mixes and not task.can_mix:
        raise RecipeError(
            f"recipe {recipe.name}: mixup and cutmix are for one class an image, and this "
            f"is {task.name}; leave them out with `overrides` augmentation.mix_share=0"
        )
    if changes_colours and task.has_masks:
        raise RecipeError(
            f"recipe {recipe.name}: rand_augment and erasing do not know masks; leave them "
            "out with `overrides` augmentation.rand_augment=none and `overrides` "
            "augmentation.erasing=0"
        )
    if augmentation.rand_augment is None:
        return
    if pixels.dtype != torch.uint8 or pixels.shape[1] not in (1, 3):
        raise RecipeError(
            f"recipe {recipe.name}: rand_augment needs images of 8 bits with 1 or 3 "
            f"channels, and these are {str(pixels.dtype).removeprefix('torch.')} with "
            f"{pixels.shape[1]}; leave it out with `overrides` augmentation.rand_augment=none"
        )


def _objective(setup: TrainingSetup) -> Objective:
    settings = setup.recipe.regularization
    weights = None
    if settings.class_weights == "balanced":
        weights = balanced_weights(setup.train.labels, setup.task.num_outputs(setup.data))
    if setup.teacher is None:
        return Objective(setup.task, smoothing=settings.label_smoothing, class_weights=weights)
    return DistillationObjective(
        setup.task,
        setup.teacher,
        setup.recipe.distillation or Distillation(),
        smoothing=settings.label_smoothing,
        class_weights=weights,
    )


def _advice(loss: float, training: Training, rate: float) -> str:
    peak = max(training.rates)
    return (
        f"training loss is {loss} in epoch {training.epoch} of {training.num_epochs}, learning "
        f"rate {rate:.3g} (peak {peak:.3g})"
    )
