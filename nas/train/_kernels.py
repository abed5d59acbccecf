"""Which code computes a training step on the CPU: tried for some steps, and the quickest kept.

* `eager`: the modules as they are.
* `quick`: the same with `fast_cpu_kernels`.
* `compiled`: the quicker of the two through torch.compile, which takes some 3 to 20 seconds;
  tried only where the training is long enough to earn that back.

They round differently, so a checkpoint keeps the choice. GPUs record a CUDA graph instead.
"""

from __future__ import annotations

import copy
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from nas.errors import OptionError
from nas.train._fast_cpu import fast_cpu_kernels
from nas.train._seeds import seeded
from nas.train._training import Training

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from torch import Tensor, nn

    from nas.train._training import TrainingSetup

Kernels = Literal["eager", "quick", "compiled eager", "compiled quick"]
KernelsWanted = Literal["auto", "eager", "quick", "compiled"]

TRY_FROM_S = 60.0
"""Shorter trainings take `quick`: trying would cost more than a wrong choice."""
COMPILE_FROM_S = 300.0
"""Compiling took 3 to 19 s of processor time where it was tried, and made steps .7 to 2 times as
quick (`benchmarks/full_training.py`)."""
_LEAST_GAIN = 0.95
"""Share of the other's time below which compiled code is taken."""
_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelChoice:
    """What was chosen, and why in words."""

    kernels: Kernels
    reason: str

    def patched(self, model: nn.Module) -> AbstractContextManager[None]:
        """Within this context the model's modules compute as chosen."""
        return fast_cpu_kernels(model) if self.kernels.endswith("quick") else nullcontext()

    def forward(self, model: nn.Module) -> Callable[[Tensor], Tensor]:
        """What a step calls for the model's outputs."""
        return _compiled(model) if self.kernels.startswith("compiled") else model


def choose_kernels(
    model: nn.Module,
    setup: TrainingSetup,
    wanted: KernelsWanted = "auto",
    *,
    try_from_s: float = TRY_FROM_S,
    compile_from_s: float = COMPILE_FROM_S,
) -> KernelChoice:
    """The quickest way to train `model`, which is left as it is.

    Args:
        model: On the CPU; a copy of it is trained for some steps.
        setup: Of the whole training.
        wanted: `auto` tries; others are taken as they are, `compiled` with quick kernels.
        try_from_s: Seconds from which a training is long enough to try.
        compile_from_s: Seconds from which it is long enough to compile.

    Raises OptionError where `compiled` is wanted and torch.compile fails.
    """
    if setup.train.labels.device.type != "cpu":
        return KernelChoice(kernels="eager", reason="on a GPU, as a CUDA graph")
    if wanted in ("eager", "quick"):
        return KernelChoice(kernels=wanted, reason="as asked for")
    trial = _Trial(model, setup)
    if wanted == "compiled":
        trial.check_compiles()
        return KernelChoice(kernels="compiled quick", reason="as asked for")
    quick_s = trial.step_s("quick", rounds=1)
    steps = trial.num_steps
    if quick_s * steps < try_from_s:
        return KernelChoice(kernels="quick", reason="too short a training to try others")
    plain: tuple[Kernels, Kernels] = ("eager", "quick")
    timed = {name: trial.step_s(name) for name in plain}
    best: Kernels = min(timed, key=lambda name: timed[name])
    if timed[best] * steps >= compile_from_s:
        compiled: Kernels = "compiled eager" if best == "eager" else "compiled quick"
        timed[compiled] = trial.step_s(compiled)
        if timed[compiled] < _LEAST_GAIN * timed[best]:
            best = compiled
    return KernelChoice(kernels=best, reason=_in_words(timed, trial.failure))


def _in_words(timed: dict[Kernels, float], failure: str) -> str:
    figures = (
        f"{name} {1e3 * seconds:.1f} ms" if seconds < float("inf") else f"{name} failed{failure}"
        for name, seconds in timed.items()
    )
    return f"a step takes {', '.join(figures)}"


class _Trial:
    """Steps of a copy of the network, timed."""

    def __init__(self, model: nn.Module, setup: TrainingSetup) -> None:
        self._model, self._setup = model, setup
        self.failure = ""
        """Why torch.compile did not, in words to add to others."""
        with seeded(setup.seed):
            self.num_steps = Training(copy.deepcopy(model), setup).num_steps

    def step_s(self, kernels: Kernels, *, rounds: int = _ROUNDS) -> float:
        """Least seconds of a step; infinite where it cannot be computed so."""
        choice = KernelChoice(kernels=kernels, reason="")
        model = copy.deepcopy(self._model)
        try:
            with seeded(self._setup.seed), choice.patched(model):
                training = Training(model, self._setup, forward=choice.forward(model))
                return _least_step_s(training, rounds)
        except Exception as error:
            # torch.compile refuses some programs in ways of its own; there is another way to go.
            if not kernels.startswith("compiled"):
                raise
            first = next(iter(str(error).strip().splitlines()), "")
            self.failure = f" ({type(error).__name__}: {first[:120]})"
            return float("inf")

    def check_compiles(self) -> None:
        """Raise OptionError where torch.compile does not take the network."""
        if self.step_s("compiled quick", rounds=1) == float("inf"):
            raise OptionError(
                f"`kernels` compiled: torch.compile failed{self.failure}. It needs a C++ compiler "
                "(Debian: apt install g++); write auto, eager or quick to do without"
            )


def _least_step_s(training: Training, rounds: int) -> float:
    index = torch.arange(training.batch_size)
    times = []
    training.model.train()
    for number in range(rounds + 2):
        start_s = time.perf_counter()
        inputs, targets = training.batch(index, 0)
        training.step(inputs, targets, rate=0.0)
        if number > 1:  # the first ones allocate, and compile
            times.append(time.perf_counter() - start_s)
    return min(times)


def _compiled(model: nn.Module) -> Callable[[Tensor], Tensor]:
    return torch.compile(model)
