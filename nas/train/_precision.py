"""In which floating-point format a network runs: bfloat16 where that is quicker."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Precision = Literal["auto", "float32", "bfloat16"]


def scoring_precision(device: torch.device) -> torch.autocast:
    """Context of a forward pass that scores: bfloat16 on CUDA, full float32 on the CPU."""
    return _bfloat16(device, enabled=device.type == "cuda")


def training_precision(
    model: nn.Module, device: torch.device, wanted: Precision = "auto"
) -> torch.autocast:
    """Context of a training step's forward pass.

    `auto` is bfloat16 on CUDA, and on a CPU that computes with it for networks of dense
    convolutions, which train 1.1 to 1.8 times faster so. Depthwise and grouped convolutions become
    slower, some by a factor of 30, so networks with one of these are trained in float32 there.
    """
    if wanted != "auto":
        return _bfloat16(device, enabled=wanted == "bfloat16")
    enabled = device.type == "cuda" or (_cpu_computes_bfloat16() and _is_dense(model))
    return _bfloat16(device, enabled=enabled)


def _bfloat16(device: torch.device, *, enabled: bool) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def _is_dense(model: nn.Module) -> bool:
    """Whether convolutions of more than one pixel are what it mainly does, none with groups."""
    wide = [
        module
        for module in model.modules()
        if isinstance(module, nn.Conv2d) and module.kernel_size != (1, 1)
    ]
    # A stem alone, before pointwise convolutions, is not what a network mainly does.
    return len(wide) > 1 and all(conv.groups == 1 for conv in wide)


@cache
def _cpu_computes_bfloat16() -> bool:
    """Whether there are instructions for it: without, it is emulated, and slow."""
    # NOTE: torch.cpu.get_capabilities came after torch 2.11.
    ask: Callable[[], Mapping[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return any(ask().get(name, False) for name in ("avx512_bf16", "amx_bf16", "sve_bf16"))
