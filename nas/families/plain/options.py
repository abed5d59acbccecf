"""Standard convolutions: the stem, the strided transition, the block, and the plain head.

No paper of its own: these are what the five systems are compared with and stand on.
The modules are in `modules.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nas.components import (
    ACTIVATIONS,
    Activation,
    Block,
    Call,
    Channels,
    Component,
    Count,
    Head,
    Kernel,
    Probability,
    Slot,
    Stem,
    Stride,
    Transition,
    call,
)

Order = Literal["conv_norm_act", "conv_act_norm"]
UNITS = {"conv_norm_act": "ConvNormAct", "conv_act_norm": "ConvActNorm"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvStem(Stem):
    """One convolution from the image's channels to `channels`."""

    kind = "conv"
    channels: Channels
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
class _Conv(Component):
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
class Conv(Block, _Conv):
    """Standard convolution, BatchNorm, activation; can stride and change the width."""

    kind = "conv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvTransition(Transition, _Conv):
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
