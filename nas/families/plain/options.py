"""Standard convolutions: the stem, the strided transition, the block, and the plain head.

No paper of its own: these are what the five systems are compared with and stand on.
The modules are in `modules.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from nas.components import (
    ACTIVATIONS,
    Activation,
    AnyKernel,
    AnyStride,
    Block,
    Call,
    Channels,
    Component,
    Count,
    Head,
    Order,
    Probability,
    Side,
    SideBounds,
    Slot,
    Stem,
    Transition,
    UnitOptions,
    as_pair,
    call,
    is_even,
)

if TYPE_CHECKING:
    from nas.components import Argument

UNITS = {"conv_norm_act": "ConvNormAct", "conv_act_norm": "ConvActNorm"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvStem(Stem, UnitOptions):
    """One convolution from the image's channels to `channels`."""

    kind = "conv"
    channels: Channels
    kernel: AnyKernel = 3
    stride: AnyStride = 2
    activation: Activation = "relu"
    order: Order = "conv_norm_act"
    """VGNet normalises after the activation, everybody else before."""

    def call(self, slot: Slot) -> Call:
        """ConvNormAct or ConvActNorm, or ConvUnit where these do not suffice."""
        if (
            not self.is_plain(self.kernel)
            or not is_simple(self.kernel)
            or not isinstance(self.stride, int)
        ):
            return self.unit(
                slot.in_channels,
                self.channels,
                kernel=self.kernel,
                stride=self.stride,
                steps=self.order.removeprefix("conv_"),
                activation=self.activation,
            )
        return call(
            UNITS[self.order],
            in_channels=slot.in_channels,
            out_channels=self.channels,
            kernel=self.kernel,
            stride=self.stride,
            activation=ACTIVATIONS[self.activation],
        )


def is_simple(kernel: Side) -> bool:
    """Whether a kernel is square and odd."""
    return isinstance(kernel, int) and not is_even(kernel)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Conv(Component):
    kernel: AnyKernel = 3
    groups: Count = 1


@dataclass(frozen=True, kw_only=True)
class _ConvUnit(UnitOptions, _Conv):
    quiet = ("order", *UnitOptions.quiet)
    order: Order = "conv_norm_act"
    """Whether norm or activation stands first."""

    def call(self, slot: Slot) -> Call:
        """ConvNormAct at the stage's width, or ConvUnit where that does not suffice."""
        slot.require_divides(self.groups, slot.in_channels, "groups")
        slot.require_divides(self.groups, slot.out_channels, "groups")
        usual = self.order == "conv_norm_act" and slot.across is None
        if not (self.is_plain(self.kernel) and is_simple(self.kernel) and usual):
            return self.unit(
                slot.in_channels,
                slot.out_channels,
                kernel=self.kernel,
                stride=slot.strides,
                groups=self.groups,
                steps=self.order.removeprefix("conv_"),
                activation=slot.activation,
            )
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
class Conv(Block, _ConvUnit):
    """Standard convolution, BatchNorm, activation; can stride and change the width."""

    kind = "conv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvTransition(Transition, _ConvUnit):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenHead(Head):
    """All pixels of the last feature map, any number of hidden layers, and one linear layer."""

    kind = "flatten"
    size: Annotated[int | tuple[int, int], SideBounds(1, 64)]
    """Height and width of the last feature map, which the weights depend on: 4, or 4x1."""
    hidden: tuple[Count, ...] = ()
    """Features of the layers between: [120, 84] in LeNet."""
    activation: Activation = "relu"
    dropout: Probability = 0.0

    def call(self, slot: Slot) -> Call:
        """FlattenHead; dropout 0 is no dropout."""
        return call(
            "FlattenHead",
            in_channels=slot.in_channels,
            num_classes=slot.out_channels,
            size=as_pair(self.size),
            hidden=self.hidden or None,
            activation=ACTIVATIONS[self.activation] if self.hidden else None,
            dropout=self.dropout or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoStem(Stem):
    """The first stage sees the images themselves."""

    kind = "none"
    channels: ClassVar[int] = 0  # type: ignore[misc]

    def call(self, slot: Slot) -> Call:
        """NoStem."""
        return call("NoStem")


def drop_no_stem(stem: Call, first: Call) -> tuple[Call, ...]:
    """Without a stem the first layer is the stem, in the form that a stem's convolution has."""
    given = first.kwargs
    if first.name == "ConvNormAct" and "groups" not in given:
        return (_stem_convolution("ConvNormAct", given),)
    plain = given.keys() <= {*STEM_CONVOLUTION, "steps"} and given.get("steps") == "act_norm"
    kernel, stride = given.get("kernel"), given.get("stride", 1)
    if plain and isinstance(kernel, int) and is_simple(kernel) and isinstance(stride, int):
        return (_stem_convolution("ConvActNorm", given),)
    return (first,)


STEM_CONVOLUTION = ("in_channels", "out_channels", "kernel", "stride", "activation")


def _stem_convolution(name: str, given: dict[str, Argument]) -> Call:
    return call(name, **{key: given.get(key, 1) for key in STEM_CONVOLUTION})
