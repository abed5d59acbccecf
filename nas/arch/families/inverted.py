"""MobileNetV3 (and V2): inverted residual with squeeze-and-excitation, and the V3 head.

Papers: Searching for MobileNetV3 - https://arxiv.org/abs/1905.02244; MobileNetV2 -
https://arxiv.org/abs/1801.04381. The modules are in `nas/blocks/inverted.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from nas.arch._call import Call, Ref, call
from nas.arch._component import (
    ACTIVATIONS,
    Activation,
    Block,
    Bounds,
    Count,
    Head,
    OddKernel,
    Probability,
    Slot,
)
from nas.arch.families._attention import make_divisible, squeeze_excite_call, trace_attention
from nas.arch.families._depthwise import Kernels, depthwise_call, trace_depthwise

if TYPE_CHECKING:
    from nas.arch._call import Argument
    from nas.arch._layer_trace import FeatureMap, LayerTrace

Expansion = Annotated[float, Bounds(0.125, 64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inverted(Block):
    """Inverted residual: widen, filter depthwise, narrow; can stride and change the width.

    The input is added where the shape stays. V3 gates with a hard sigmoid (`se`); V2 is
    expansion 6 without SE and with `relu6`.
    """

    kind = "inverted"
    reuse: Count = 1
    """How often one set of weights is applied, where the block keeps its shape."""
    expansion: Expansion = 6.0
    """Filtered channels as a multiple of the input's, rounded to a multiple of 8."""
    kernel: OddKernel = 3
    kernels: Kernels = "learned"
    """Learned, or one of VGNet's fixed banks."""
    groups: Count = 1
    """Of both pointwise convolutions."""
    se: bool = False

    def call(self, slot: Slot) -> Call:
        """InvertedResidualBlock with the number of filtered channels spelled out."""
        expanded = make_divisible(slot.in_channels * self.expansion)
        for channels in (slot.in_channels, expanded, slot.out_channels):
            slot.require_divides(self.groups, channels, "groups")
        return call(
            "InvertedResidualBlock",
            in_channels=slot.in_channels,
            out_channels=slot.out_channels,
            expanded=expanded,
            filters=depthwise_call(
                self.kernels, slot, expanded, kernel=self.kernel, stride=slot.stride
            ),
            groups=self.groups if self.groups > 1 else None,
            attention=mobile_attention(expanded) if self.se else None,
            activation=ACTIVATIONS[slot.activation],
            residual=True if slot.keeps_shape else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MobileNetV3Head(Head):
    """A 1x1 convolution, global average pooling, and two linear layers."""

    kind = "mobilenet_v3"
    expansion: Expansion = 6.0
    """Channels of the convolution as a multiple of the last stage's: 960 / 160, 576 / 96."""
    hidden: Count = 1280
    """Features between the linear layers: 1280 in V3-Large, 1024 in V3-Small."""
    activation: Activation = "hardswish"
    dropout: Probability = 0.2

    def call(self, slot: Slot) -> Call:
        """MobileNetV3Head; dropout 0 is no dropout."""
        return call(
            "MobileNetV3Head",
            in_channels=slot.in_channels,
            num_classes=slot.out_channels,
            expanded=make_divisible(slot.in_channels * self.expansion),
            hidden=self.hidden,
            activation=ACTIVATIONS[self.activation],
            dropout=self.dropout or None,
        )


def mobile_attention(channels: int) -> Call:
    """MobileNetV3's squeeze-and-excitation: a quarter of the channels, ReLU, hard sigmoid."""
    hidden = make_divisible(channels // 4)
    return squeeze_excite_call(channels, hidden, Ref("nn.ReLU"), "nn.Hardsigmoid")


def trace_inverted_residual_block(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    out_channels: int,
    expanded: int,
    filters: Call,
    activation: Argument,
    groups: int = 1,
    attention: Call | None = None,
    residual: bool = False,
) -> FeatureMap:
    """Layers of InvertedResidualBlock."""
    y = x
    if expanded != in_channels:
        expand = trace.weight(in_channels, expanded, groups=groups)
        y = trace.in_place(trace.norm(trace.conv(x, expand)))
    y = trace.in_place(trace.norm(trace_depthwise(trace, y, filters)))
    y = trace_attention(trace, y, attention)
    y = trace.norm(trace.conv(y, trace.weight(expanded, out_channels, groups=groups)))
    return trace.in_place(y, x) if residual else y


def trace_mobilenet_v3_head(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    num_classes: int,
    expanded: int,
    hidden: int,
    activation: Argument,
    dropout: float = 0.0,
) -> FeatureMap:
    """Layers of MobileNetV3Head."""
    x = trace.in_place(trace.norm(trace.conv(x, trace.weight(in_channels, expanded))))
    x = trace.in_place(trace.linear(trace.global_pool(x), hidden))
    return trace.linear(x, num_classes)
