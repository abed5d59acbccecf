"""MobileNetV1: a depthwise and a pointwise convolution instead of a standard one.

Paper: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications -
https://arxiv.org/abs/1704.04861 (section 3.1). The module is in `modules.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.components import (
    ACTIVATIONS,
    Block,
    Call,
    Component,
    Count,
    Kernels,
    OddKernel,
    Slot,
    Transition,
    are_separable,
    call,
    depthwise_call,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Separable(Component):
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
class Separable(Block, _Separable):
    """Depthwise, BatchNorm, activation, pointwise, BatchNorm, activation; can stride and widen."""

    kind = "separable"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparableTransition(Transition, _Separable):
    """One depthwise separable convolution that strides and changes the width."""

    kind = "separable"


def merge_convolutions(one: Call, other: Call) -> tuple[Call, ...] | None:
    """A depthwise and a pointwise convolution in a row are this family's block."""
    if not are_separable(one, other):
        return None
    filters, pointwise = one.kwargs, other.kwargs
    channels, kernel = filters["in_channels"], filters["kernel"]
    block = call(
        "SeparableBlock",
        in_channels=channels,
        out_channels=pointwise["out_channels"],
        depthwise=call(
            "Depthwise",
            channels=channels,
            kernel=kernel if kernel != 3 else None,
            stride=filters.get("stride"),
        ),
        groups=pointwise.get("groups"),
        activation=pointwise["activation"],
    )
    return (block,)
