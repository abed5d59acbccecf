"""MobileNetV1: a depthwise and a pointwise convolution instead of a standard one.

Paper: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications -
https://arxiv.org/abs/1704.04861 (section 3.1). The module is in `nas/blocks/separable.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.arch._call import Call, call
from nas.arch._part import ACTIVATIONS, Block, Count, OddKernel, Site, Transition
from nas.arch.families._depthwise import Kernels, depthwise_call, plan_depthwise

if TYPE_CHECKING:
    from nas.arch._call import Argument
    from nas.arch._tape import Map, Tape


@dataclass(frozen=True, slots=True, kw_only=True)
class _Separable:
    kernel: OddKernel = 3
    kernels: Kernels = "learned"
    """Learned, or one of VGNet's fixed banks."""
    groups: Count = 1
    """Groups of the pointwise convolution."""

    def call(self, site: Site) -> Call:
        """SeparableBlock at the stage's width."""
        site.require_divides(self.groups, site.in_channels, "groups")
        site.require_divides(self.groups, site.out_channels, "groups")
        return call(
            "SeparableBlock",
            in_channels=site.in_channels,
            out_channels=site.out_channels,
            depthwise=depthwise_call(
                self.kernels, site, site.in_channels, kernel=self.kernel, stride=site.stride
            ),
            groups=self.groups if self.groups > 1 else None,
            activation=ACTIVATIONS[site.activation],
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


def plan_separable_block(
    tape: Tape,
    x: Map,
    *,
    in_channels: int,
    out_channels: int,
    depthwise: Call,
    activation: Argument,
    groups: int = 1,
) -> Map:
    """Layers of SeparableBlock."""
    x = tape.in_place(tape.norm(plan_depthwise(tape, x, depthwise)))
    pointwise = tape.weight(in_channels, out_channels, groups=groups)
    return tape.in_place(tape.norm(tape.conv(x, pointwise)))
