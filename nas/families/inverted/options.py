"""MobileNetV3 (and V2): inverted residual with squeeze-and-excitation, and the V3 head.

Papers: Searching for MobileNetV3 - https://arxiv.org/abs/1905.02244; MobileNetV2 -
https://arxiv.org/abs/1801.04381. The modules are in `modules.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.components import (
    ACTIVATIONS,
    Activation,
    Block,
    Call,
    Channels,
    Count,
    Expansion,
    Head,
    Kernels,
    OddKernel,
    Probability,
    Slot,
    call,
    depthwise_call,
    make_divisible,
    mobile_attention,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inverted(Block):
    """Inverted residual: widen, filter depthwise, narrow; can stride and change the width.

    The input is added where the shape stays. V3 gates with a hard sigmoid (`se`); V2 is
    expansion 6 without SE and with `relu6`.
    """

    kind = "inverted"
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
    hidden: Channels = 1280
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
