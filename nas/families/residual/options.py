"""ResNet: basic and bottleneck blocks with a shortcut, and the stem with max pooling.

Paper: Deep Residual Learning for Image Recognition - https://arxiv.org/abs/1512.03385
The modules, with what differs from the paper, are in `modules.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from nas.components import (
    ACTIVATIONS,
    Activation,
    Block,
    Call,
    Channels,
    Count,
    Kernel,
    OddKernel,
    Slot,
    Stem,
    Stride,
    call,
)

Shortcut = Literal["projection", "pad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResnetStem(Stem):
    """A large convolution, then max pooling over 3x3 that halves the map once more.

    On small images (CIFAR) ResNets take the plain `conv` stem with stride 1 instead.
    """

    kind = "resnet"
    channels: Channels = 64
    kernel: OddKernel = 7
    stride: Stride = 2
    """Of the convolution alone; the pooling strides by another 2."""
    activation: Activation = "relu"

    def call(self, slot: Slot) -> Call:
        """ResnetStem."""
        return call(
            "ResnetStem",
            in_channels=slot.in_channels,
            out_channels=self.channels,
            kernel=self.kernel,
            stride=self.stride,
            activation=ACTIVATIONS[self.activation],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual(Block):
    """ResNet's basic block: two convolutions and a shortcut; can stride and change the width."""

    kind = "residual"
    quiet = ("shortcut",)
    kernel: Kernel = 3
    groups: Count = 1
    """Of both convolutions."""
    shortcut: Shortcut = "projection"
    """Where the shape changes: 1x1 convolutions, or the paper's option A without weights."""

    def call(self, slot: Slot) -> Call:
        """ResidualBlock, with a 1x1 shortcut where the shape changes."""
        slot.require_divides(self.groups, slot.in_channels, "groups")
        slot.require_divides(self.groups, slot.out_channels, "groups")
        return call(
            "ResidualBlock",
            in_channels=slot.in_channels,
            out_channels=slot.out_channels,
            kernel=self.kernel if self.kernel != 3 else None,
            stride=slot.stride if slot.stride > 1 else None,
            groups=self.groups if self.groups > 1 else None,
            activation=ACTIVATIONS[slot.activation],
            shortcut=_shortcut(slot, self.shortcut),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck(Block):
    """ResNet's bottleneck: narrow, convolve, widen, and a shortcut; can stride and widen.

    The stage's `channels` are the wide ones: 256 for the first stage of ResNet-50.
    """

    kind = "bottleneck"
    quiet = ("shortcut",)
    expansion: Count = 4
    """The stage's channels as a multiple of the middle convolution's."""
    kernel: Kernel = 3
    groups: Count = 1
    """Of the middle convolution; 32 at expansion 2 is ResNeXt 32x4d."""
    shortcut: Shortcut = "projection"
    """Where the shape changes: 1x1 convolutions, or the paper's option A without weights."""

    def call(self, slot: Slot) -> Call:
        """BottleneckBlock, with a 1x1 shortcut where the shape changes."""
        slot.require_divides(self.expansion, slot.out_channels, "expansion")
        width = slot.out_channels // self.expansion
        slot.require_divides(self.groups, width, "groups")
        return call(
            "BottleneckBlock",
            in_channels=slot.in_channels,
            out_channels=slot.out_channels,
            width=width,
            kernel=self.kernel if self.kernel != 3 else None,
            stride=slot.stride if slot.stride > 1 else None,
            groups=self.groups if self.groups > 1 else None,
            activation=ACTIVATIONS[slot.activation],
            shortcut=_shortcut(slot, self.shortcut),
        )


def _shortcut(slot: Slot, kind: Shortcut) -> Call | None:
    if slot.keeps_shape:
        return None
    if kind == "pad" and slot.out_channels < slot.in_channels:
        raise slot.refuse(
            "a padded shortcut cannot narrow",
            f"shortcut pad cannot go from {slot.in_channels} down to {slot.out_channels} "
            "channels; use shortcut: projection, or a wider stage",
        )
    return call(
        "Projection" if kind == "projection" else "PaddedShortcut",
        in_channels=slot.in_channels,
        out_channels=slot.out_channels,
        stride=slot.stride if slot.stride > 1 else None,
    )


def merge_stem(conv: Call, pool: Call) -> tuple[Call, ...] | None:
    """A convolution followed by max pooling that keeps the width is this family's stem."""
    given, pooled = conv.kwargs, pool.kwargs
    if pooled.get("stride") != 2 or pooled["in_channels"] != pooled["out_channels"]:
        return None
    if given.keys() != {"in_channels", "out_channels", "kernel", "stride", "activation"}:
        return None
    stem = Call("ResnetStem", conv.arguments)
    return (stem,) if given["kernel"] in get_args(OddKernel) else None


def split_stem(stem: Call, concat: Call) -> tuple[Call, ...] | None:
    """This family's stem and a concatenation are a convolution and a pooling that widens."""
    if "stride" in concat.kwargs:
        return None
    widened = call("MaxPoolConcat", **concat.kwargs, stride=2)
    return Call("ConvNormAct", stem.arguments), widened
