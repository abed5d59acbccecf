"""Ghost modules: half of the output is convolved, the other half made from it cheaply.

Paper: GhostNet: More Features from Cheap Operations - https://arxiv.org/abs/1911.11907
(section 3.1 for the module, figure 3 for the bottleneck). A block family that none of the systems
in `nas` has, as an example of a plug-in: one file, no other change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from nas.components import ACTIVATIONS, Block, Call, Count, Family, Slot, call

# -- the modules: export copies these classes, so they use torch alone ----------------------------


class GhostModule(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, H, W): a 1x1 convolution, and depthwise ghosts of its output.

    Differs from the paper's code: C_out is a multiple of the ratio, so that nothing is cut off.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        ratio: int,
        kernel: int = 3,
        activation: Callable[..., nn.Module] = nn.Identity,
    ) -> None:
        """C_out / `ratio` channels are convolved; the rest are `kernel`-wide filters of these."""
        super().__init__()
        primary = out_channels // ratio
        self.primary = nn.Sequential(
            nn.Conv2d(in_channels, primary, 1, bias=False), nn.BatchNorm2d(primary), activation()
        )
        ghosts = out_channels - primary
        self.cheap = nn.Sequential(
            nn.Conv2d(primary, ghosts, kernel, padding=kernel // 2, groups=primary, bias=False),
            nn.BatchNorm2d(ghosts),
            activation(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The convolved channels, then their ghosts."""
        primary = self.primary(x)
        return torch.cat((primary, self.cheap(primary)), dim=1)


class GhostBottleneck(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/s), ceil(W/s)): two Ghost modules and a shortcut."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expanded: int,
        ratio: int,
        activation: Callable[..., nn.Module],
        kernel: int = 3,
        stride: int = 1,
    ) -> None:
        """`expanded` channels between the modules, where a depthwise convolution strides by s."""
        super().__init__()
        self.expand = GhostModule(in_channels, expanded, ratio, kernel, activation)
        self.project = GhostModule(expanded, out_channels, ratio, kernel)
        self.stride, self.shortcut = nn.Identity(), nn.Identity()
        if stride > 1:
            self.stride = _depthwise(expanded, stride)
        if stride > 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                _depthwise(in_channels, stride),
                nn.Conv2d(in_channels, out_channels, 1, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Widen, stride, narrow, add."""
        return self.project(self.stride(self.expand(x))) + self.shortcut(x)


def _depthwise(channels: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels))


# -- the options: what a model file may say -------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ghost(Block):
    """GhostNet's bottleneck; can stride and change the width."""

    kind = "ghost"
    expansion: Count = 2
    """Channels between the two modules, as a multiple of the stage's."""
    ratio: Literal[2, 3, 4] = 2
    """One channel in `ratio` is convolved, the others are its ghosts."""
    kernel: Literal[3, 5] = 3
    """Of the cheap filters."""

    def call(self, slot: Slot) -> Call:
        """GhostBottleneck; options that make no difference here are left out."""
        expanded = self.expansion * slot.out_channels
        slot.require_divides(self.ratio, slot.out_channels, "ratio")
        return call(
            "GhostBottleneck",
            in_channels=slot.in_channels,
            out_channels=slot.out_channels,
            expanded=expanded,
            ratio=self.ratio,
            kernel=self.kernel if self.kernel != 3 else None,
            stride=slot.stride if slot.stride > 1 else None,
            activation=ACTIVATIONS[slot.activation],
        )


FAMILY = Family(name="ghost", options=(Ghost,), modules=__name__)
