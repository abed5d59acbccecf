"""MGIC: grouped convolutions at every width, all channels coupled at the narrowest one.

Paper: MGIC: Multigrid-in-Channels Neural Network Architectures -
https://arxiv.org/abs/2011.09128. The modules are in `modules.py`.

A block halves its channels level by level. At each level but the last, convolutions have groups
of `group_size` channels; the last one is not grouped. So its weights grow linearly with the
width, not with its square. Four forms differ in what stands at a level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

from nas.components import (
    ACTIVATIONS,
    Block,
    Bounds,
    Call,
    Channels,
    Component,
    Count,
    Expansion,
    Head,
    Kernels,
    OddKernel,
    Probability,
    Slot,
    are_separable,
    call,
    depthwise_call,
    make_divisible,
    mobile_attention,
)

Threshold = Annotated[int, Bounds(2)]
Levels = Annotated[int, Bounds(1, 16)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hierarchy(Component):
    group_size: Count = 32
    """Channels in one group, at all levels but the coarsest; a narrower level has one group."""
    threshold: Threshold = 32
    """Halve the channels until fewer than this are left, but at least once."""
    levels: Levels = 16
    """Halve them at most this often, even if the threshold is not reached."""

    def _widths(self, slot: Slot, channels: int) -> tuple[int, ...]:
        """Channels of every level, the finest first."""
        widths = [channels]
        while len(widths) == 1 or (widths[-1] >= self.threshold and len(widths) <= self.levels):
            widths.append(widths[-1] // 2)
        if widths[-1] < 1:
            raise slot.refuse(
                "mgic needs channels to halve",
                f"{channels} channels cannot be halved {len(widths) - 1} times; "
                "use a wider stage, a higher threshold or fewer levels",
            )
        return tuple(widths)

    def _groups(self, width: int) -> int:
        return max(width // self.group_size, 1)

    def _require_groups(self, slot: Slot, groups: int, fine: int, coarse: int) -> None:
        for channels in (fine, coarse):
            if channels % groups:
                raise slot.refuse(
                    "mgic groups must divide a level's channels",
                    f"at group_size {self.group_size} a level of {fine} channels has {groups} "
                    f"groups, but {groups} does not divide {channels} channels; use an even "
                    "group_size that divides the stage's channels, a higher threshold, or "
                    "another width",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Basic(_Hierarchy):
    def _cycle(self, slot: Slot, kernel: int) -> Call:
        widths = self._widths(slot, slot.out_channels)
        cycle = self._unit(slot, widths[-1], 1, kernel)
        for coarse, fine in pairwise(reversed(widths)):
            groups = self._groups(fine)
            self._require_groups(slot, groups, fine, coarse)
            unit = self._unit(slot, fine, groups, kernel)
            cycle = _level_call(fine, coarse, groups, unit, cycle)
        return cycle

    def _unit(self, slot: Slot, width: int, groups: int, kernel: int) -> Call:
        return call(
            "ResidualBlock",
            in_channels=width,
            out_channels=width,
            kernel=kernel if kernel != 3 else None,
            groups=groups if groups > 1 else None,
            activation=ACTIVATIONS[slot.activation],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MgicBasic(Block, _Basic):
    """MGIC over ResNet's basic block: two 3x3 convolutions with a shortcut at every level.

    To stride or widen, a 3x3 convolution with one group per input channel stands before.
    """

    kind = "mgic_basic"

    def call(self, slot: Slot) -> Call:
        """MgicLevel, or MgicBlock where the shape changes."""
        return _connected(slot, self._cycle(slot, 3), _spread_call(slot))


@dataclass(frozen=True, slots=True, kw_only=True)
class MgicPoint(Block, _Basic):
    """MGIC without space: the basic form with 1x1 convolutions throughout.

    To stride or widen, a 1x1 convolution with as many groups as both widths allow stands before.
    """

    kind = "mgic_point"

    def call(self, slot: Slot) -> Call:
        """MgicLevel, or MgicBlock where the shape changes."""
        groups = math.gcd(slot.in_channels, slot.out_channels)
        return _connected(slot, self._cycle(slot, 1), _conv_unit_call(slot, 1, groups))


@dataclass(frozen=True, slots=True, kw_only=True)
class MgicBottleneck(Block, _Hierarchy):
    """MGIC over ResNet's bottleneck; the stage's `channels` are the wide ones.

    `group_size` and `threshold` count the channels of the middle convolutions. To stride or
    widen, a 3x3 convolution with one group per input channel stands before.
    """

    kind = "mgic_bottleneck"
    expansion: Count = 4
    """The stage's channels as a multiple of the middle convolution's."""
    coarse_groups: Count = 1
    """At most this many groups in the coarsest middle convolution; 32 is the code's ResNeXt."""

    def call(self, slot: Slot) -> Call:
        """MgicLevel, or MgicBlock where the shape changes."""
        slot.require_divides(self.expansion, slot.out_channels, "expansion")
        widths = self._widths(slot, slot.out_channels // self.expansion)
        coarse_groups = min(self.coarse_groups, widths[-1])
        slot.require_divides(coarse_groups, widths[-1], "coarse_groups")
        cycle = self._unit(slot, widths[-1], coarse_groups, 1, coarsest=True)
        for coarse, fine in pairwise(reversed(widths)):
            groups = self._groups(fine)
            wide_fine, wide_coarse = self.expansion * fine, self.expansion * coarse
            self._require_groups(slot, groups, fine, wide_coarse)
            unit = self._unit(slot, fine, groups, groups)
            cycle = _level_call(wide_fine, wide_coarse, groups, unit, cycle)
        return _connected(slot, cycle, _spread_call(slot))

    def _unit(
        self, slot: Slot, width: int, groups: int, pointwise_groups: int, *, coarsest: bool = False
    ) -> Call:
        return call(
            "BottleneckBlock",
            in_channels=self.expansion * width,
            out_channels=self.expansion * width,
            width=width,
            groups=groups if groups > 1 else None,
            pointwise_groups=pointwise_groups if pointwise_groups > 1 else None,
            activation=ACTIVATIONS[slot.activation],
            activate_branch=True if coarsest else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MgicMobile(Block, _Hierarchy):
    """MGIC over MobileNetV3's inverted residual, with attention at every level.

    Groups are reduced until they divide a level's widths. To stride or widen, a bare 1x1
    convolution stands before.
    """

    kind = "mgic_mobile"
    expansion: Expansion = 6.0
    """Filtered channels as a multiple of the block's input, rounded to a multiple of 8."""
    kernel: OddKernel = 3
    kernels: Kernels = "learned"
    """Learned, or one of VGNet's fixed banks."""
    se: bool = False

    def call(self, slot: Slot) -> Call:
        """MgicLevel, or MgicBlock where the shape changes."""
        widths = self._widths(slot, slot.out_channels)
        expanded = make_divisible(slot.in_channels * self.expansion)
        if expanded >> (len(widths) - 1) < 1:
            raise slot.refuse(
                "mgic needs channels to halve",
                f"{expanded} expanded channels cannot be halved {len(widths) - 1} times; "
                "use a larger expansion, a higher threshold or fewer levels",
            )
        level = len(widths) - 1
        cycle = self._unit(slot, widths[-1], expanded >> level, 1)
        for coarse, fine in pairwise(reversed(widths)):
            level -= 1
            groups = self._dividing_groups(fine, expanded >> level)
            self._require_groups(slot, groups, fine, coarse)
            unit = self._unit(slot, fine, expanded >> level, groups)
            cycle = _level_call(fine, coarse, groups, unit, cycle, restrict_norm=True)
        return _connected(slot, cycle, _subsample_call(slot))

    def _dividing_groups(self, width: int, expanded: int) -> int:
        groups = self._groups(width)
        while width % groups or expanded % groups:
            groups -= 1
        return groups

    def _unit(self, slot: Slot, width: int, expanded: int, groups: int) -> Call:
        return call(
            "MgicMobileUnit",
            channels=width,
            expanded=expanded,
            filters=depthwise_call(self.kernels, slot, expanded, kernel=self.kernel),
            groups=groups if groups > 1 else None,
            attention=mobile_attention(expanded) if self.se else None,
            activation=ACTIVATIONS[slot.activation],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MgicMobileHead(Head):
    """Two 1x1 convolutions, global pooling, one linear layer; ReLU throughout."""

    kind = "mgic_mobile"
    hidden: Channels = 1280
    """Channels of the second convolution: 1280 in MGIC-Large, 1024 in MGIC-Small."""
    pool: Literal["max", "average"] = "max"
    """The authors' code takes the maximum; the average is our choice for ImageNet."""
    dropout: Probability = 0.0

    def call(self, slot: Slot) -> Call:
        """MgicMobileHead; dropout 0 is no dropout."""
        return call(
            "MgicMobileHead",
            in_channels=slot.in_channels,
            num_classes=slot.out_channels,
            hidden=self.hidden,
            average=True if self.pool == "average" else None,
            dropout=self.dropout or None,
        )


def _level_call(
    channels: int, coarse_channels: int, groups: int, smooth: Call, coarse: Call, **options: bool
) -> Call:
    return call(
        "MgicLevel",
        channels=channels,
        coarse_channels=coarse_channels,
        groups=groups if groups > 1 else None,
        **options,
        smooth=smooth,
        coarse=coarse,
    )


def _connected(slot: Slot, cycle: Call, connector: Call) -> Call:
    return cycle if slot.keeps_shape else call("MgicBlock", connector=connector, cycle=cycle)


def _spread_call(slot: Slot) -> Call:
    """The 3x3 connector in which every input channel feeds output channels of its own."""
    if slot.out_channels % slot.in_channels:
        raise slot.refuse(
            "mgic widens by whole multiples",
            f"going from {slot.in_channels} to {slot.out_channels} channels needs outputs of its "
            "own for every input channel; use a multiple of the input's channels, or give the "
            "stage a transition",
        )
    return _conv_unit_call(slot, 3, slot.in_channels)


def _conv_unit_call(slot: Slot, kernel: int, groups: int) -> Call:
    return call(
        "ConvNormAct",
        in_channels=slot.in_channels,
        out_channels=slot.out_channels,
        kernel=kernel,
        stride=slot.stride if slot.stride > 1 else None,
        groups=groups if groups > 1 else None,
        activation=ACTIVATIONS[slot.activation],
    )


def _subsample_call(slot: Slot) -> Call:
    return call(
        "MgicMobileConnector",
        in_channels=slot.in_channels,
        out_channels=slot.out_channels,
        stride=slot.stride if slot.stride > 1 else None,
    )


def merge_connected(conv: Call, cycle: Call) -> tuple[Call, ...] | None:
    """A convolution as `_connected` puts one before a cycle, and that cycle, are one MgicBlock."""
    given = conv.kwargs
    width, out_channels = given["in_channels"], given["out_channels"]
    assert isinstance(width, int)
    assert isinstance(out_channels, int)
    if width == out_channels and "stride" not in given:
        return None
    if cycle.name == "ConvNormAct" and (cycle.kwargs["kernel"] != 1 or "stride" in cycle.kwargs):
        return None
    spreads = given["kernel"] == 3 and width > 1 and out_channels % width == 0
    groups = width if spreads else math.gcd(width, out_channels)
    wanted = {"in_channels", "out_channels", "kernel", "activation", "stride", "groups"}
    fits = given["kernel"] == 1 if cycle.name == "ConvNormAct" else spreads or given["kernel"] == 1
    if not fits or given.get("groups", 1) != groups or not given.keys() <= wanted:
        return None
    return (call("MgicBlock", connector=conv, cycle=cycle),)


def split_connected(conv: Call, block: Call) -> tuple[Call, ...] | None:
    """A depthwise convolution before a block's pointwise connector makes that one separable."""
    connector, cycle = block.kwargs["connector"], block.kwargs["cycle"]
    assert isinstance(connector, Call)
    assert isinstance(cycle, Call)
    if connector.name != conv.name or not are_separable(conv, connector):
        return None
    return conv, connector, cycle
