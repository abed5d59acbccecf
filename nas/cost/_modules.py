"""Costs by module, counted by fvcore on the built model: where the parameters and MACs are."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

with warnings.catch_warnings():
    # fvcore scripts functions while it is imported; nobody who counts costs need know.
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
    from fvcore.nn import FlopCountAnalysis

if TYPE_CHECKING:
    from torch import nn

NOT_MACS = (
    "aten::batch_norm",
    "aten::adaptive_avg_pool2d",
    "aten::upsample_bilinear2d",
    "aten::upsample_nearest2d",
)
"""Operations that fvcore adds to its "flops" and that are no multiply-accumulates of a kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleCost:
    """One module's share of a network's costs, its children included."""

    name: str
    type_name: str
    params: int
    """Trainable scalars."""
    macs: int


def module_costs(model: nn.Module, *, input_shape: tuple[int, int, int]) -> tuple[ModuleCost, ...]:
    """Costs of every module that has any, outermost first, for an image of `input_shape`.

    What fvcore calls flops are multiply-accumulates; BatchNorm, pooling and
    upsampling are left out.
    """
    counter = FlopCountAnalysis(model.eval(), torch.zeros(1, *input_shape))
    # None would not do: fvcore ignores only what it has no handle for.
    counter.set_op_handle(**dict.fromkeys(NOT_MACS, _nothing))
    counter.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    macs = counter.by_module()
    rows = (
        ModuleCost(
            name=name or "network",
            type_name=type(module).__name__,
            params=sum(p.numel() for p in module.parameters() if p.requires_grad),
            macs=int(macs[name]),
        )
        for name, module in model.named_modules()
    )
    return tuple(row for row in rows if row.params or row.macs)


def _nothing(inputs: object, outputs: object) -> int:
    return 0
