"""EdgeConv: every point and its nearest neighbours, for point clouds of C x N x 1.

Paper: Dynamic Graph CNN for Learning on Point Clouds - https://arxiv.org/abs/1801.07829
(section 3.1). The MGIC form (https://arxiv.org/abs/2011.09128 names point clouds and no network)
runs a point hierarchy over the edges before the maximum over neighbours; it is ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from nas.components import ACTIVATIONS, Block, Bounds, Call, Count, Slot, call


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConv(Block):
    """Mixes a point with the differences to its neighbours; the maximum over them is kept.

    A stride keeps every second point, in the order given, and looks for neighbours among all:
    random sampling where the points of a cloud stand in random order.
    """

    kind = "edge_conv"
    neighbours: Annotated[int, Bounds(1, 64)] = 20
    """Nearest points, itself included; all of them where there are fewer."""
    levels: Annotated[int, Bounds(0, 8)] = 0
    """Levels of an MGIC hierarchy of 1x1 convolutions over the edges; 0 is one convolution."""
    group_size: Count = 8
    """Channels in one group at all levels but the coarsest."""

    def call(self, slot: Slot) -> Call:
        """EdgeConv; with a stride it keeps one point in so many."""
        edges = 2 * slot.in_channels
        mix = _point(slot, edges, slot.out_channels)
        if self.levels:
            groups = math.gcd(edges, slot.out_channels)
            connector = _point(slot, edges, slot.out_channels, groups)
            mix = call("MgicBlock", connector=connector, cycle=self._cycle(slot))
        return call(
            "EdgeConv",
            mix=mix,
            neighbours=self.neighbours,
            stride=slot.stride if slot.stride > 1 else None,
        )

    def _cycle(self, slot: Slot) -> Call:
        widths = [slot.out_channels]
        while len(widths) <= self.levels:
            widths.append(widths[-1] // 2)
        if widths[-1] < 1:
            raise slot.refuse(
                "mgic needs channels to halve",
                f"{slot.out_channels} channels cannot be halved {self.levels} times; use fewer "
                "levels or a wider stage",
            )
        cycle = _unit(slot, widths[-1], 1)
        for coarse, fine in pairwise(reversed(widths)):
            groups = max(fine // self.group_size, 1)
            slot.require_divides(groups, fine, "mgic groups")
            slot.require_divides(groups, coarse, "mgic groups")
            cycle = call(
                "MgicLevel",
                channels=fine,
                coarse_channels=coarse,
                groups=groups if groups > 1 else None,
                smooth=_unit(slot, fine, groups),
                coarse=cycle,
            )
        return cycle


def _unit(slot: Slot, width: int, groups: int) -> Call:
    return call(
        "ResidualBlock",
        in_channels=width,
        out_channels=width,
        kernel=1,
        groups=groups if groups > 1 else None,
        activation=ACTIVATIONS[slot.activation],
    )


def _point(slot: Slot, in_channels: int, out_channels: int, groups: int = 1) -> Call:
    return call(
        "ConvNormAct",
        in_channels=in_channels,
        out_channels=out_channels,
        kernel=1,
        groups=groups if groups > 1 else None,
        activation=ACTIVATIONS[slot.activation],
    )
