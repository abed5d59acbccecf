"""The records that travel: what is asked of a worker, what it answers, what the study keeps.

No torch, no Optuna, no Ray: every part of `nas` may read these.
"""

from __future__ import annotations

import math
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from nas.arch import Architecture

Deployment = Literal["generated", "materialized"]
"""How a device has the kernels that rings stand for: made when they are needed, or stored."""
DEPLOYMENTS: tuple[str, ...] = get_args(Deployment)
State = Literal["complete", "duplicate", "rejected", "failed", "pruned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a network costs, known exactly before it is trained."""

    params: int
    """Trainable scalars; a shared weight counts once."""
    ring_params: int
    """Of `params`, those that live in parameter rings."""
    kernel_params: int
    """Of `params`, the weights of convolutions and linear layers, rings included; the others are
    biases and the scales and shifts of norms."""
    frozen_params: int
    """Fixed kernel weights: stored, never trained, not in `params`."""
    macs: int
    """Multiply-accumulates of one image; a reused layer counts once per application."""
    peak_activation_bytes: int
    """Largest sum of live fp32 activations during one image's forward pass."""
    latency_us: int | None = None
    """Predicted microseconds for one image, where latency is asked for; not exact."""
    generated_params: int = 0
    """Weights of all layers that read rings: what they need where kernels are materialized."""
    largest_generated: int = 0
    """Weights of the largest kernel that a ring generates."""
    deploy: Deployment = "generated"
    """How `stored_bytes`, `ram_bytes` and their int8 forms take the kernels that rings stand for:
    generated layer by layer while the network runs, or materialized, that is stored."""
    custom: dict[str, float] = field(default_factory=dict, hash=False)
    """Metrics of the user's own that follow from the architecture, by name."""

    @property
    def stored_kernel_params(self) -> int:
        """Weights of kernels that a device keeps, without fixed ones."""
        if self.deploy == "generated":
            return self.kernel_params
        return self.kernel_params - self.ring_params + self.generated_params

    @property
    def stored_bytes(self) -> int:
        """What a device must keep of the network in fp32: its flash.

        Every weight once, a ring or the kernels that it generates, and two numbers a channel for
        each norm, into which its running statistics can be folded.
        """
        others = self.params - self.kernel_params + self.frozen_params
        return 4 * (self.stored_kernel_params + others)

    @property
    def int8_stored_bytes(self) -> int:
        """The same with kernels in 8 bits, and 32 for biases, scales and shifts.

        So integer kernels have them (Jacob et al., 2018, section 2.4).
        """
        kernels = self.stored_kernel_params + self.frozen_params
        return kernels + 4 * (self.params - self.kernel_params)

    @property
    def ram_bytes(self) -> int:
        """Working memory in fp32: live activations, and room for the largest generated kernel."""
        kernel = self.largest_generated if self.deploy == "generated" else 0
        return self.peak_activation_bytes + 4 * kernel

    @property
    def int8_ram_bytes(self) -> int:
        """The same with 8 bits an element."""
        return self.ram_bytes // 4

    @property
    def int8_peak_activation_bytes(self) -> int:
        """Largest sum of live activations with 8 bits each."""
        return self.peak_activation_bytes // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """How thoroughly a candidate is trained before it is scored."""

    epochs: int
    """Passes over the training images; the schedule anneals fully within them."""
    train_images: int | None = None
    """Images drawn from the training split; None takes all."""
    val_images: int | None = None
    """Images drawn from the validation split; None takes all."""
    resolution: int | None = None
    """Pixels of the shorter side to which images are resized for this training; None keeps the
    size that the data are read at, which is that of all costs."""
    batch_size: int = 64
    folds: int = 1
    """Trainings of each network, each validated on other images; scores are their means."""
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced` weighs each class by the inverse of its share of the training images."""
    loss: str | None = None
    """A loss of the user's own, by the name it is registered with; None is the task's."""

    def over(self, available: int) -> str:
        """What it comes to where so many training images are there, in words.

        Of fewer than were asked for as many steps are made, in more passes.
        """
        wanted = self.train_images or available
        side = f" at {self.resolution} pixels" if self.resolution else ""
        if wanted <= available:
            epochs = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
            return f"{epochs} over {wanted:,} images{side}"
        passes = max(1, round(self.epochs * wanted / available))
        times = "1 pass" if passes == 1 else f"{passes} passes"
        return f"about {times} over {available:,} images{side}"


DEFAULT_FIDELITY = Fidelity(epochs=2, train_images=12_000, val_images=5_000, batch_size=64)
"""A search's default: of the settings of `results/proxy_worth`, the one that ranks networks best
for its processor time, about 5 s of one core for networks of 50k to 500k multiply-accumulates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What training measured."""

    accuracy: float
    """Share of validation images classified correctly, in [0, 1]."""
    loss: float
    """Mean cross-entropy on the validation images, in nats."""
    train_s: float
    """Seconds spent training and scoring on the worker."""
    custom: dict[str, float] = field(default_factory=dict, hash=False)
    """Other metrics measured on the trained model, by name: the task's, and the user's own."""


OUT_OF_MEMORY = "OutOfMemory"
"""The kind of a failure that a larger share of the memory could have prevented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a candidate has no scores."""

    kind: str
    """Exception type or short cause: `Diverged`, `OutOfMemory`, `WorkerDied`, `Timeout`."""
    message: str
    detail: str = ""
    """Traceback, where there is one."""

    @classmethod
    def from_exception(cls, error: BaseException) -> Failure:
        """Record of an exception, with its traceback; `OutOfMemory` whatever says so."""
        detail = "".join(traceback.format_exception(error))
        kind = OUT_OF_MEMORY if _is_out_of_memory(error) else type(error).__name__
        return cls(kind=kind, message=str(error), detail=detail)


def _is_out_of_memory(error: BaseException) -> bool:
    # By its name, for this package must not import torch; on the CPU it raises a RuntimeError.
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or "can't allocate memory" in str(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One evaluation asked of a worker: a pure function of these fields."""

    number: int
    """The trial's number in the study."""
    arch: Architecture
    fidelity: Fidelity
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """A worker's answer to one `Task`: scores and weights, or a failure."""

    number: int
    scores: Scores | None = None
    failure: Failure | None = None
    weights: bytes | None = None
    """The trained state as safetensors bytes."""
    worker: str = ""

    @property
    def ok(self) -> bool:
        """Whether there are scores and all of them are finite."""
        return self.scores is not None and all(
            math.isfinite(value) for value in (self.scores.accuracy, self.scores.loss)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One trial as the study keeps it, whatever became of it."""

    number: int
    state: State
    arch: Architecture
    cost: Cost | None
    """None only where the settings describe no legal network."""
    scores: Scores | None = None
    failure: Failure | None = None
    rungs: tuple[Scores, ...] = ()
    """Scores on the rungs of the ladder below full training, the cheapest first. A network that
    is never promoted further ends as `pruned`, without `scores`."""
    duplicate_of: int | None = None
    """The trial whose result was taken over, where `state` is `duplicate`."""
    genome: tuple[int, ...] = field(default=(), compare=False)
    """The option chosen for each open value of the space."""
    finished_s: float | None = field(default=None, compare=False)
    """Unix time at which the trial was closed, where the record was read back."""
