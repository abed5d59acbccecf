"""Training with quantisation in the loop: weights that survive being rounded to 8 bits.

Kernels and the maps that layers read are rounded in every forward pass, and gradients pass as if
they were not (Jacob et al., Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference, 2018, section 3). Kernels are rounded by output channel and
evenly about 0, so folding a BatchNorm into them afterwards rounds to the same values.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from nas.proxy import train_proxy
from nas.train import Optimizer, Recipe, Regularization, Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.data import ImageData
    from nas.trial import Fidelity

RATE = 0.002
"""Peak learning rate for a batch of 32: a tenth of what networks are trained with from scratch."""
MEMORY = 0.98
"""Of the ranges of maps, a step."""


def train_aware(
    model: nn.Module, data: ImageData, fidelity: Fidelity, *, epochs: int, seed: int = 0
) -> nn.Module:
    """A copy of a trained network, trained on with quantisation in the loop.

    Args:
        model: (B, C, H, W) -> (B, K), without parameter rings.
        data: Trained on its training images.
        fidelity: Of its images, the resolution and how many to validate with.
        epochs: Passes over all training images.
        seed: Of the order of images.

    Raises Diverged.
    """
    aware = copy.deepcopy(model)
    batch = min(32, len(data.train))
    recipe = Recipe(
        name="aware",
        epochs=epochs,
        batch_size=batch,
        optimizer=Optimizer(rate=RATE, rate_batch=32),
        schedule=Schedule(shape="cosine", warm_up=0.1),
        regularization=Regularization(),
    )
    with rounded(aware):
        train_proxy(aware, data, replace(fidelity, train_images=None), seed=seed, recipe=recipe)
    return aware.to(memory_format=torch.contiguous_format).eval()


@contextmanager
def rounded(model: nn.Module) -> Iterator[None]:
    """Within this context every convolution and linear layer computes with 8 bits."""
    layers = [one for one in model.modules() if isinstance(one, nn.Conv2d | nn.Linear)]
    trained = [one for one in layers if isinstance(one._parameters.get("weight"), nn.Parameter)]
    hooks = [one.register_forward_pre_hook(_RoundedMaps()) for one in layers]
    for layer in trained:
        parametrize.register_parametrization(layer, "weight", _RoundedKernels(), unsafe=True)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for layer in trained:
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)


class _RoundedKernels(nn.Module):
    """int8, by output channel, symmetric."""

    def forward(self, weight: Tensor) -> Tensor:
        """(O, ...) -> the same, each value a multiple of its channel's scale."""
        largest = weight.detach().flatten(1).abs().amax(1).clamp(min=1e-8)
        zeros = torch.zeros_like(largest, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(weight, largest / 127, zeros, 0, -127, 127)


class _RoundedMaps:
    """uint8, one range for a whole map, which follows what training sees."""

    def __init__(self) -> None:
        self.low: float | None = None
        self.high = 0.0

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x, *rest = inputs
        if layer.training or self.low is None:
            self._follow(x.detach())
        assert self.low is not None
        scale = max(self.high - self.low, 1e-8) / 255
        zero = min(255, max(0, round(-self.low / scale)))
        return (torch.fake_quantize_per_tensor_affine(x, scale, zero, 0, 255), *rest)

    def _follow(self, x: Tensor) -> None:
        low, high = min(0.0, float(x.min())), max(0.0, float(x.max()))
        if self.low is None:
            self.low, self.high = low, high
        else:
            self.low += (1 - MEMORY) * (low - self.low)
            self.high += (1 - MEMORY) * (high - self.high)
