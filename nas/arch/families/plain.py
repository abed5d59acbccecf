"""Standard convolutions: the stem, the strided transition, the block, and the plain head.

No paper of its own: these are what the five systems are compared with and stand on.
The modules are in `nas/blocks/plain.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nas.arch._call import Call, call
from nas.arch._component import (
    ACTIVATIONS,
    Activation,
    Block,
    Count,
    Head,
    Kernel,
    Probability,
    Slot,
    Stem,
    Stride,
    Transition,
)

if TYPE_CHECKING:
    from nas.arch._call import Argument
    from nas.arch._layer_trace import FeatureMap, LayerTrace

Order = Literal["conv_norm_act", "conv_act_norm"]
UNITS = {"conv_norm_act": "ConvNormAct", "conv_act_norm": "ConvActNorm"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvStem(Stem):
    """One convolution from the image's channels to `channels`."""

    kind = "conv"
    channels: Count
    kernel: Kernel = 3
    stride: Stride = 2
    activation: Activation = "relu"
    order: Order = "conv_norm_act"
    """VGNet normalises after the activation, everybody else before."""

    def call(self, slot: Slot) -> Call:
        """ConvNormAct or ConvActNorm."""
        return call(
            UNITS[self.order],
            in_channels=slot.in_channels,
            out_channels=self.channels,
            kernel=self.kernel,
            stride=self.stride,
            activation=ACTIVATIONS[self.activation],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Conv:
    kernel: Kernel = 3
    groups: Count = 1

    def call(self, slot: Slot) -> Call:
        """ConvNormAct at the stage's width."""
        slot.require_divides(self.groups, slot.in_channels, "groups")
        slot.require_divides(self.groups, slot.out_channels, "groups")
        return call(
            "ConvNormAct",
            in_channels=slot.in_channels,
            out_channels=slot.out_channels,
            kernel=self.kernel,
            stride=slot.stride if slot.stride > 1 else None,
            groups=self.groups if self.groups > 1 else None,
            activation=ACTIVATIONS[slot.activation],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv(_Conv, Block):
    """Standard convolution, BatchNorm, activation; can stride and change the width."""

    kind = "conv"
    reuse: Count = 1
    """How often one set of weights is applied, where the block keeps its shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvTransition(_Conv, Transition):
    """One standard convolution that strides and changes the width."""

    kind = "conv"


@dataclass(frozen=True, slots=True, kw_only=True)
class GapLinear(Head):
    """Global average pooling and one linear layer."""

    kind = "gap_linear"
    dropout: Probability = 0.0

    def call(self, slot: Slot) -> Call:
        """GapLinear; dropout 0 is no dropout."""
        return call(
            "GapLinear",
            in_channels=slot.in_channels,
            num_classes=slot.out_channels,
            dropout=self.dropout or None,
        )


def trace_conv_unit(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    out_channels: int,
    kernel: int,
    activation: Argument,
    stride: int = 1,
    groups: int = 1,
) -> FeatureMap:
    """Layers of ConvNormAct and of ConvActNorm; their order makes no difference to costs."""
    weight = trace.weight(in_channels, out_channels, kernel=kernel, groups=groups)
    return trace.in_place(trace.norm(trace.conv(x, weight, stride=stride)))


def trace_gap_linear(
    trace: LayerTrace, x: FeatureMap, *, in_channels: int, num_classes: int, dropout: float = 0.0
) -> FeatureMap:
    """Layers of GapLinear."""
    return trace.linear(trace.global_pool(x), num_classes)
