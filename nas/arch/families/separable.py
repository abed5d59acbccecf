"""MobileNetV1: a depthwise and a pointwise convolution instead of a standard one.

Paper: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications -
https://arxiv.org/abs/1704.04861 (section 3.1). The module is in `nas/blocks/separable.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.arch._call import Call, call
from nas.arch._component import ACTIVATIONS, Block, Count, OddKernel, Slot, Transition
from nas.arch.families._depthwise import Kernels, depthwise_call, trace_depthwise

if TYPE_CHECKING:
    from nas.arch._call import Argument
    from nas.arch._layer_trace import FeatureMap, LayerTrace


@dataclass(frozen=True, slots=True, kw_only=True)
class _Separable:
    kernel: OddKernel = 3
    kernels: Kernels = "learned"
    """Learned, or one of VGNet's fixed banks."""
    groups: Count = 1
    """Groups of the pointwise convolution."""

    def call(self, slot: Slot) -> Call:
        """SeparableBlock at the stage's width."""
        slot.require_divides(self.groups, slot.in_channels, "groups")
        slot.require_divides(self.groups, slot.out_channels, "groups")
        return call(
            "SeparableBlock",
            in_channels=slot.in_channels,
            out_channels=slot.out_channels,
            depthwise=depthwise_call(
                self.kernels, slot, slot.in_channels, kernel=self.kernel, stride=slot.stride
            ),
            groups=self.groups if self.groups > 1 else None,
            activation=ACTIVATIONS[slot.activation],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Separable(_Separable, Block):
    """Depthwise, BatchNorm, activation, pointwise, BatchNorm, activation; can stride and widen."""

    kind = "separable"
    reuse: Count = 1
    """How often one set of weights is applied, where the block keeps its shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparableTransition(_Separable, Transition):
    """One depthwise separable convolution that strides and changes the width."""

    kind = "separable"


def trace_separable_block(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    out_channels: int,
    depthwise: Call,
    activation: Argument,
    groups: int = 1,
) -> FeatureMap:
    """Layers of SeparableBlock."""
    x = trace.in_place(trace.norm(trace_depthwise(trace, x, depthwise)))
    pointwise = trace.weight(in_channels, out_channels, groups=groups)
    return trace.in_place(trace.norm(trace.conv(x, pointwise)))
