"""Rings for the layers of a built network, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from nas.sharing._ring import Ring

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nas.arch import RingPlan


def attach_rings(network: nn.Module, plans: Iterable[RingPlan]) -> nn.ModuleList:
    """One `Ring` per plan; the layers of `network` that read from it lose their weights.

    Layers are counted as plans count them: trainable convolutions and linear layers in order of
    registration. Within `generated(rings)` they have weights, and nowhere else.
    """
    kinds = (nn.Conv2d, nn.Linear)
    layers = [module for module in network.modules() if isinstance(module, kinds)]
    return nn.ModuleList(
        Ring(
            [[layers[reader] for reader in readers] for readers in plan.kernels],
            size=plan.size,
            scales=plan.scales,
            std=plan.std,
            seed=plan.seed,
            even=plan.even,
            permute=plan.permute,
            signs=plan.signs,
            block=plan.block,
            gradient_factor=plan.gradient_factor,
        )
        for plan in plans
    )


def materialize(network: nn.Module) -> None:
    """Give every layer that reads a ring a weight of its own, equal to what it read.

    Takes the rings out of `network`, which then is an ordinary one and computes the same.
    """
    rings = [module for module in network.modules() if isinstance(module, Ring)]
    for ring in rings:
        for kernel, group in zip(ring(), ring.layers, strict=True):
            for layer in group:
                layer.weight = nn.Parameter(kernel.detach().clone())
    for module in network.modules():
        if isinstance(module, nn.ModuleList) and any(isinstance(item, Ring) for item in module):
            del module[:]
