"""Weights and outputs that depend on a network's structure alone, not on names or chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from nas.cost import cost_of
from nas.model import build_model

if TYPE_CHECKING:
    from nas.arch import Architecture

Signature = tuple[Any, ...]


def fill(model: nn.Module) -> nn.Module:
    """The same weights for the same structure: drawn in order of registration, scaled by size.

    Kernels that are fixed keep their values. In eval mode, with BatchNorms that do something.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in model.modules():
            for parameter in module.parameters(recurse=False):
                fan_in = parameter.numel() // len(parameter)
                deviation = (2 / fan_in) ** 0.5 if parameter.dim() > 1 else 0.05
                parameter.normal_(std=deviation, generator=generator)
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.8, 1.2, generator=generator)
                module.bias.uniform_(0.5, 1, generator=generator)  # few dead channels
                module.running_mean.normal_(0, 0.1, generator=generator)
                module.running_var.uniform_(0.8, 1.2, generator=generator)
    return model.eval()


def signature(
    arch: Architecture, *, in_channels: int = 1, side: int = 8, num_classes: int = 3
) -> Signature:
    """Costs, shapes of all weights, and the bits that every part hands on.

    Costs belong to it: a map repeated twice, then convolved in two groups, computes just what a
    dense convolution does, and is another network all the same.
    """
    torch.manual_seed(0)
    model = fill(build_model(arch, in_channels=in_channels, num_classes=num_classes))
    image = torch.rand((1, in_channels, side, side), generator=torch.Generator().manual_seed(1))
    shapes = tuple(tuple(parameter.shape) for parameter in model.parameters())
    features: list[torch.Tensor] = []
    for part in (model.stem, *model.body, model.head):
        part.register_forward_hook(lambda module, given, out: features.append(out.clone()))
    with torch.inference_mode():
        logits = model(image)
    assert logits.isfinite().all()
    assert features[0].any()
    shape = (in_channels, side, side)
    cost = cost_of(arch, input_shape=shape, num_classes=num_classes)
    return cost, shapes, *(out.numpy().tobytes() for out in features)
