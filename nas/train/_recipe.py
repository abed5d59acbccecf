"""Recipes: how a network is trained, as frozen records and as files. No torch.

A recipe file is read like a model file: strictly, against the types of these records. Rates,
durations and strengths are relative wherever a recipe should carry over to another data set or
another length: warm-up and milestones are shares of the training, crops are shares of a side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

from nas.arch import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterator

Count = Annotated[int, Bounds(1)]
Share = Annotated[float, Bounds(0, 1)]
Probability = Annotated[float, Bounds(0, below=1)]
NonNegative = Annotated[float, Bounds(0)]
Rate = Annotated[float, Bounds(1e-9)]
Factor = Annotated[float, Bounds(1e-9, below=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimizer:
    """What turns gradients into steps."""

    name: Literal["sgd", "adamw"] = "adamw"
    rate: Rate = 0.02
    """Peak learning rate."""
    rate_batch: Count | None = None
    """Batch size that `rate` is for; others scale it by the square root of their ratio. None
    takes `rate` as it is."""
    momentum: Probability = 0.9
    """Of SGD; the first of AdamW's two betas."""
    beta2: Probability | None = None
    """AdamW's second beta; None is 0.99."""
    nesterov: bool = False
    """SGD with Nesterov's momentum."""
    weight_decay: NonNegative = 0.0
    """Of kernels and rings; decoupled from the gradient in AdamW, added to it in SGD."""
    decay_all: bool = False
    """Decay norms and biases too, as some papers do."""
    clip_norm: Rate | None = None
    """Longest gradient of all weights together; longer ones are scaled down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How the learning rate changes from step to step."""

    shape: Literal["cosine", "linear", "step", "exponential", "constant"] = "cosine"
    warm_up: Share = 0.0
    """Share of the training during which the rate rises from 0 to its peak."""
    final: Share = 0.0
    """The last rate as a share of the peak, of `cosine` and `exponential`."""
    milestones: tuple[Share, ...] = ()
    """Shares of the training after which `step` multiplies the rate by `factor`."""
    factor: Factor = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RandAugment:
    """Random operations on each image (Cubuk et al., 2020, arXiv 1909.13719)."""

    ops: Count = 2
    """Operations on each image, one after the other."""
    magnitude: Annotated[int, Bounds(0, 30)] = 9
    """Their strength, of 30."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How training images are changed, each by draws of its own."""

    crop: Annotated[float, Bounds(0, 0.5)] = 0.0
    """Zeros padded on each side before a random crop, as a share of the height above and below,
    and of the width beside, rounded down: 0.125 is 4 pixels of 32 and 3 of 28."""
    flip: bool = True
    """Mirror half of the images, where the data say that a mirrored image keeps its class."""
    rotation: Annotated[float, Bounds(0, 180)] = 0.0
    """Degrees, at most, either way."""
    rand_augment: RandAugment | None = None
    erasing: Share = 0.0
    """Share of images of which a rectangle is filled with the mean colour (Zhong et al., 2020,
    arXiv 1708.04896)."""
    erasing_area: Annotated[float, Bounds(0.02, 1)] = 0.4
    """Largest share of an image that is erased; 0.02 is the smallest."""
    mixup: NonNegative = 0.0
    """Alpha of mixup (Zhang et al., 2018, arXiv 1710.09412); 0 mixes nothing."""
    cutmix: NonNegative = 0.0
    """Alpha of CutMix (Yun et al., 2019, arXiv 1905.04899); 0 mixes nothing. With `mixup` too,
    each mixed image has one of the two, by a fair coin."""
    mix_share: Share = 1.0
    """Share of images that are mixed with another one."""
    mix_ramp: Share = 0.0
    """Share of the training during which `mix_share` rises from 0."""

    @property
    def mixes(self) -> bool:
        """Whether labels become soft."""
        return self.mix_share > 0 and (self.mixup > 0 or self.cutmix > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regularization:
    """What else keeps a network from learning its images by heart."""

    label_smoothing: Probability = 0.0
    dropout: Probability | None = None
    """Before the head's last layer; None leaves what the model file says."""
    ema: Probability = 0.0
    """Decay a step of the average of the weights that is scored and kept, norms re-estimated;
    0 keeps the weights themselves. It starts faster, as (1 + t) / (10 + t) at step t."""
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced` weighs each class by the inverse of its share of the training images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distillation:
    """Learning from a teacher, which sees the same augmented images (arXiv 1503.02531)."""

    weight: Share = 0.7
    """Of the teacher's answer in the loss; the labels have the rest."""
    temperature: Annotated[float, Bounds(0.1, 100)] = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a network is trained, from first to last step."""

    name: str = "recipe"
    description: str = ""
    epochs: Count | None = None
    """Passes over the training images; either these or `steps`."""
    steps: Count | None = None
    """Batches to learn from, however many images there are."""
    batch_size: Count = 128
    """At most; never more than there are training images."""
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    augmentation: Augmentation = Augmentation()
    regularization: Regularization = Regularization()
    distillation: Distillation | None = None
    """Only with a teacher."""
    loss: str | None = None
    """One of your own, by the name given to `nas.register_loss`; none is the task's."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 on GPUs, and on CPUs that compute with it for dense networks."""
    select: Literal["last", "best"] = "last"
    """Which epoch's weights are kept: the last, or the best by validation."""

    def num_steps(self, steps_per_epoch: int) -> int:
        """Steps in all, where an epoch has so many."""
        return self.steps or (self.epochs or 0) * steps_per_epoch

    def num_epochs(self, steps_per_epoch: int) -> int:
        """Passes over the images, the last one perhaps cut short."""
        return math.ceil(self.num_steps(steps_per_epoch) / steps_per_epoch)

    def shortened(self, share: float) -> Recipe:
        """The same recipe with `share` of its length, annealed within it."""
        if self.steps is not None:
            return replace(self, steps=max(1, round(share * self.steps)))
        return replace(self, epochs=max(1, round(share * (self.epochs or 1))))


def contradictions(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """(path, message) of each setting that contradicts another or that nothing would read."""
    optimizer, schedule = recipe.optimizer, recipe.schedule
    if (recipe.epochs is None) == (recipe.steps is None):
        given = "both are given; set one to none" if recipe.steps else "neither is given"
        yield "epochs", f"a recipe has either epochs or steps; {given}"
    if optimizer.name == "adamw" and optimizer.nesterov:
        yield "optimizer.nesterov", "only sgd has it; name: adamw takes momentum and beta2"
    if optimizer.name == "sgd" and optimizer.beta2 is not None:
        yield "optimizer.beta2", "only adamw has it; name: sgd takes momentum and nesterov"
    if optimizer.nesterov and optimizer.momentum == 0:
        yield "optimizer.nesterov", "needs a momentum above 0"
    if (schedule.shape == "step") != bool(schedule.milestones):
        yield "schedule.milestones", "shape: step needs them, and no other shape reads them"
    if list(schedule.milestones) != sorted(set(schedule.milestones)):
        yield "schedule.milestones", "must rise, as in [0.5, 0.75]"
    if schedule.final and schedule.shape not in ("cosine", "exponential"):
        yield "schedule.final", f"shape: {schedule.shape} doesn't read it (cosine, exponential do)"
    if schedule.shape == "exponential" and schedule.final == 0:
        yield "schedule.final", "shape: exponential needs it above 0, as in 0.01"
    if recipe.augmentation.mix_ramp and not recipe.augmentation.mixes:
        yield "augmentation.mix_ramp", "nothing is mixed; give mixup or cutmix an alpha above 0"


def learning_rates(schedule: Schedule, steps: int, peak: float) -> list[float]:
    """One rate for each step, the highest of them `peak`; rising ones are never 0."""
    rising = min(steps, max(1, round(schedule.warm_up * steps))) if schedule.warm_up else 0
    up = [peak * step / rising for step in range(1, rising + 1)]
    falling = steps - rising
    if schedule.shape == "linear":
        return up + [peak * (falling - step) / (falling + 1) for step in range(falling)]
    return up + [
        peak * _level(schedule, step / steps, rising / steps) for step in range(rising, steps)
    ]


def _level(schedule: Schedule, share: float, start: float) -> float:
    """The rate as a share of the peak, when `share` of the training is over."""
    if schedule.shape == "step":
        return math.pow(schedule.factor, sum(share >= mark for mark in schedule.milestones))
    part = (share - start) / (1 - start)
    if schedule.shape == "cosine":
        return schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * part)) / 2
    return math.pow(schedule.final, part) if schedule.shape == "exponential" else 1.0


def peak_rate(optimizer: Optimizer, batch_size: int) -> float:
    """The highest learning rate for batches of this size."""
    reference = optimizer.rate_batch or batch_size
    return optimizer.rate * float((batch_size / reference) ** 0.5)
