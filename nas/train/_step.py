"""One step of training: forward, backward, optimiser. A GPU records it and then replays it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from nas.model import joined
from nas.train._precision import training_precision

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.train._objective import Objective
    from nas.train._recipe import Optimizer, Recipe

_NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
_EAGER_STEPS = 3
"""Before a step is recorded: cuDNN chooses its algorithms, rings and the optimiser their state."""


class Step(Protocol):
    """Trains a model on one batch."""

    def __call__(self, inputs: Tensor, targets: Tensor, *, rate: float) -> Tensor:
        """Learn from (B, C, H, W) normalised images and their targets; the batch's mean loss.

        The loss is a scalar on the device, good until the next call.
        """
        ...


def make_step(
    model: nn.Module,
    device: torch.device,
    recipe: Recipe,
    objective: Objective,
    forward: Callable[[Tensor], Tensor] | None = None,
) -> EagerStep | ReplayedStep:
    """How `model`, which is on `device` already, is trained there; `forward` stands in for it."""
    step = EagerStep(model, device, recipe, objective, forward)
    return ReplayedStep(step, _record_graph, _on_side_stream) if device.type == "cuda" else step


class EagerStep:
    """One operation after the other, as Python comes to them."""

    def __init__(
        self,
        model: nn.Module,
        device: torch.device,
        recipe: Recipe,
        objective: Objective,
        forward: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """Make an optimiser for what can be trained of `model`."""
        self.model = model
        self._forward = model if forward is None else forward  # a compiled one has no truth
        self._objective = objective
        self._precision = training_precision(model, device, recipe.precision)
        self._clip_norm = recipe.optimizer.clip_norm
        self.optimizer = make_optimizer(model, device, recipe.optimizer)

    def __call__(self, inputs: Tensor, targets: Tensor, *, rate: float) -> Tensor:
        """Set the rate, then learn."""
        self.set_rate(rate)
        return self.learn(inputs, targets)

    def set_rate(self, rate: float) -> None:
        """The learning rate from now on."""
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def learn(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Forward, backward, and a step of the optimiser."""
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        with self._precision:
            outputs = joined(self._forward(inputs))
        loss = self._objective(outputs, targets, inputs)
        torch.autograd.backward(loss)
        if self._clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self._clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach()


class ReplayedStep:
    """Runs eagerly at first, then records the step and replays it on new batches of that shape.

    A small network's step is a thousand short kernels; a GPU is done with each before Python has
    launched the next, unless it has them all at once, as one CUDA graph.
    """

    def __init__(
        self,
        step: EagerStep,
        record: Callable[[Callable[[], Tensor]], Callable[[], Tensor]],
        beside: Callable[[Callable[[], Tensor]], Tensor],
    ) -> None:
        """Wrap a step.

        Args:
            step: What is recorded.
            record: Turns a function without arguments into its replay, without running it.
            beside: Runs a function as recording wants it to have been run before.
        """
        self._step, self._record, self._on_side_stream = step, record, beside
        self.model, self.optimizer = step.model, step.optimizer
        self._eager_left = _EAGER_STEPS
        self._replay: Callable[[], Tensor] | None = None
        self._inputs = self._targets = torch.empty(0)

    def __call__(self, inputs: Tensor, targets: Tensor, *, rate: float) -> Tensor:
        """Set the rate, then learn."""
        self._step.set_rate(rate)
        if self._eager_left:
            self._eager_left -= 1
            return self._on_side_stream(lambda: self._step.learn(inputs, targets))
        if self._replay is None:
            self._inputs, self._targets = inputs.clone(), targets.clone()
            self._replay = self._recorded()
        self._inputs.copy_(inputs)
        self._targets.copy_(targets)
        return self._replay()

    def _recorded(self) -> Callable[[], Tensor]:
        def learn() -> Tensor:
            return self._step.learn(self._inputs, self._targets)

        try:
            return self._record(learn)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            warnings.warn(f"training goes on without a CUDA graph: {error}", stacklevel=2)
            return learn


def _on_side_stream(run: Callable[[], Tensor]) -> Tensor:
    """Run on another stream, as torch asks for before a graph is recorded."""
    beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside), warnings.catch_warnings():
        # That an optimiser made for recording runs unrecorded.
        warnings.filterwarnings("ignore", message=".*capturable=True.*")
        result = run()
    torch.cuda.current_stream().wait_stream(beside)
    return result


def _record_graph(run: Callable[[], Tensor]) -> Callable[[], Tensor]:
    graph: Any = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = run()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay


def make_optimizer(
    model: nn.Module, device: torch.device, settings: Optimizer
) -> torch.optim.Optimizer:
    """The optimiser over what can be trained; norms and biases decay only if asked for."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    exempt = set() if settings.decay_all else _norms_and_biases(model)
    groups = [
        {
            "params": [p for p in trained if id(p) not in exempt],
            "weight_decay": settings.weight_decay,
        },
        {"params": [p for p in trained if id(p) in exempt], "weight_decay": 0.0},
    ]
    # A graph reads the rate from where it was when it was recorded.
    on_gpu = device.type == "cuda"
    rate: Any = torch.zeros((), device=device) if on_gpu else 0.0
    if settings.name == "sgd":
        return torch.optim.SGD(
            groups, lr=rate, momentum=settings.momentum, nesterov=settings.nesterov, fused=True
        )
    betas = (settings.momentum, 0.99 if settings.beta2 is None else settings.beta2)
    return torch.optim.AdamW(groups, lr=rate, betas=betas, fused=True, capturable=on_gpu)


def _norms_and_biases(model: nn.Module) -> set[int]:
    return {
        id(parameter)
        for module in model.modules()
        for name, parameter in module.named_parameters(recurse=False)
        if isinstance(module, _NORMS) or name == "bias"
    }
