"""MobileNetV1: a depthwise and a pointwise convolution instead of a standard one.

Paper: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications -
https://arxiv.org/abs/1704.04861 (section 3.1). The module is in `modules.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nas.components import (
    ACTIVATIONS,
    PRELU,
    Activation,
    AnyKernel,
    AnyStride,
    Block,
    Call,
    Channels,
    Component,
    Count,
    Kernels,
    Order,
    Side,
    Slot,
    Stem,
    Transition,
    UnitOptions,
    are_separable,
    as_unit,
    call,
    depthwise_call,
    is_even,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Separable(Component):
    kernel: AnyKernel = 3
    kernels: Kernels = "learned"
    """Learned, or one of VGNet's fixed banks."""
    groups: Count = 1
    """Groups of the pointwise convolution."""


@dataclass(frozen=True, kw_only=True)
class _SeparableUnit(UnitOptions, _Separable):
    quiet = ("order", "between", *UnitOptions.quiet)
    order: Order = "conv_norm_act"
    """Whether norm or activation stands first, after each convolution."""
    between: Literal["norm_act", "norm", "act", "none"] = "norm_act"
    """What stands between the two convolutions; in the order of `order`."""

    def call(self, slot: Slot) -> Call:
        """SeparableBlock at the stage's width, or SeparableUnit where that does not suffice."""
        return self.separable(slot, slot.out_channels, slot.strides, slot.activation)

    def separable(
        self, slot: Slot, out_channels: int, stride: Side, activation: Activation
    ) -> Call:
        """SeparableBlock or SeparableUnit."""
        channels = slot.in_channels
        slot.require_divides(self.groups, channels, "groups")
        slot.require_divides(self.groups, out_channels, "groups")
        usual = self.order == "conv_norm_act" and self.between == "norm_act"
        usual = usual and self.is_plain(self.kernel)
        kernel = self.kernel
        if isinstance(kernel, tuple) or is_even(kernel) or isinstance(stride, tuple) or not usual:
            return self._unit_call(slot, out_channels, stride, activation)
        return call(
            "SeparableBlock",
            in_channels=channels,
            out_channels=out_channels,
            depthwise=depthwise_call(self.kernels, slot, channels, kernel=kernel, stride=stride),
            groups=self.groups if self.groups > 1 else None,
            activation=ACTIVATIONS[activation],
        )

    def _unit_call(
        self, slot: Slot, out_channels: int, stride: Side, activation: Activation
    ) -> Call:
        if self.kernels != "learned":
            raise slot.refuse(
                "fixed kernels stand in the usual separable convolution",
                f"the {self.kernels} bank is 3x3 with padding, norm and activation; leave order, "
                "between, norm, bias, padding, dilation and pool at their defaults, or use "
                "kernels: learned",
            )
        steps = self.order.removeprefix("conv_")
        between = "_".join(step for step in steps.split("_") if step in self.between)
        channels = slot.in_channels
        return call(
            "SeparableUnit",
            depthwise=self.unit(
                channels,
                channels,
                kernel=self.kernel,
                stride=stride,
                groups=channels,
                steps=between,
                activation=activation,
                pools=False,
            ),
            pointwise=self.unit(
                channels,
                out_channels,
                kernel=1,
                groups=self.groups,
                steps=steps,
                activation=activation,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparableStem(Stem, _SeparableUnit):
    """A separable convolution of the image: each of its channels filtered, then mixed."""

    kind = "separable"
    channels: Channels
    stride: AnyStride = 2
    activation: Activation = "relu"

    def call(self, slot: Slot) -> Call:
        """SeparableBlock or SeparableUnit."""
        return self.separable(slot, self.channels, self.stride, self.activation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Separable(Block, _SeparableUnit):
    """Depthwise, BatchNorm, activation, pointwise, BatchNorm, activation; can stride and widen."""

    kind = "separable"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparableTransition(Transition, _SeparableUnit):
    """One depthwise separable convolution that strides and changes the width."""

    kind = "separable"


def merge_units(one: Call, other: Call) -> tuple[Call, ...] | None:
    """A depthwise and a pointwise convolution, one of which is a ConvUnit, are a SeparableUnit."""
    filters, pointwise = as_unit(one).kwargs, as_unit(other).kwargs
    is_depthwise = filters["in_channels"] == filters["out_channels"] == filters.get("groups", 1)
    if not is_depthwise or "pool" in filters:
        return None
    if pointwise["kernel"] != 1 or "stride" in pointwise:
        return None
    return (call("SeparableUnit", depthwise=as_unit(one), pointwise=as_unit(other)),)


def merge_before_block(one: Call, other: Call) -> tuple[Call, ...] | None:
    """As `merge_before_unit`, of a SeparableBlock with learned kernels."""
    given = other.kwargs
    filters, activation = given["depthwise"], given["activation"]
    assert isinstance(filters, Call)
    if filters.name != "Depthwise" or activation == PRELU or filters.kwargs.get("kernel") != 1:
        return None
    channels = given["in_channels"]
    first = call(
        "ConvNormAct",
        in_channels=channels,
        out_channels=channels,
        kernel=1,
        stride=filters.kwargs.get("stride"),
        groups=channels if channels != 1 else None,
        activation=activation,
    )
    merge = merge_convolutions if one.name == first.name else merge_units
    if (merged := merge(one, first)) is None:
        return None
    pointwise = call(
        "ConvNormAct",
        in_channels=channels,
        out_channels=given["out_channels"],
        kernel=1,
        groups=given.get("groups"),
        activation=activation,
    )
    return (*merged, pointwise)


def merge_before_unit(one: Call, other: Call) -> tuple[Call, ...] | None:
    """A depthwise convolution takes a 1x1 one from the SeparableUnit behind it.

    So three convolutions in a row of which any two would do are put together from the left.
    """
    filters, pointwise = other.kwargs["depthwise"], other.kwargs["pointwise"]
    assert isinstance(filters, Call)
    assert isinstance(pointwise, Call)
    merged = merge_units(one, filters)
    return None if merged is None else (*merged, pointwise)


def merge_convolutions(one: Call, other: Call) -> tuple[Call, ...] | None:
    """A depthwise and a pointwise convolution in a row are this family's block."""
    if not are_separable(one, other):
        return None
    filters, pointwise = one.kwargs, other.kwargs
    channels, kernel, stride = filters["in_channels"], filters["kernel"], filters.get("stride", 1)
    block = call(
        "SeparableBlock",
        in_channels=channels,
        out_channels=pointwise["out_channels"],
        depthwise=call(
            "Depthwise",
            channels=channels,
            kernel=kernel if kernel != 3 else None,
            stride=stride if stride != 1 else None,
        ),
        groups=pointwise.get("groups"),
        activation=pointwise["activation"],
    )
    return (block,)
