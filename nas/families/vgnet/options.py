"""VGNet: half the channels skip the depthwise convolution, and fixed kernels can replace it.

Paper: Efficient CNN Architecture Design Guided by Visualization -
https://arxiv.org/abs/2207.10318. The modules are in `modules.py`.

Paper and later code differ (last depthwise shared or plain, blur sigma 1.1 with alternating
signs or 1.0 positive, ReLU or SiLU). Defaults are the paper's generation, whose parameter counts
are the published ones; every difference is an option.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from nas.components import (
    ACTIVATIONS,
    Activation,
    Block,
    Bounds,
    Call,
    Count,
    Head,
    Probability,
    Slot,
    Transition,
    call,
    depthwise_call,
    make_divisible,
    squeeze_excite_call,
)

Ratio = Annotated[float, Bounds(0, below=1)]
Kernels = Literal["learned", "edge", "edge_gaussian"]
DownKernels = Literal["learned", "gaussian", "gaussian_positive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfIdentity(Block):
    """The left share of the channels skips the depthwise filter; half of the output is new.

    Ratios other than 1/2 are our extension: the left floor(ratio x C) channels are identity,
    and the pointwise convolution makes C/2 new channels whatever the ratio.
    """

    kind = "half_identity"
    identity_ratio: Ratio = 0.5
    kernels: Kernels = "learned"
    """Learned (VGNetC and G), or fixed: edge (4 kernels), edge_gaussian (8; VGNetF)."""
    se: bool = False
    se_activation: Activation = "relu"

    def call(self, slot: Slot) -> Call:
        """HalfIdentityBlock with the number of identity channels spelled out."""
        slot.require_same_shape(self.kind)
        channels = slot.in_channels
        slot.require_divides(2, channels, "half_identity's 2 halves")
        # The tiny term keeps 0.3 * 10 at 3, whose product in binary falls just short of it.
        identity = math.floor(self.identity_ratio * channels + 1e-9)
        return call(
            "HalfIdentityBlock",
            channels=channels,
            identity=identity,
            filters=depthwise_call(self.kernels, slot, channels - identity),
            norm_filtered=True if self.kernels != "learned" else None,
            attention=_attention(self.se, channels // 2, self.se_activation),
            activation=ACTIVATIONS[slot.activation],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VgnetDownsampling(Transition):
    """Filter and stride every channel; keep half of the output's width, make the rest new."""

    kind = "vgnet_downsampling"
    kernels: DownKernels = "gaussian"
    """Learned (VGNetC) or a fixed blur (G, F). At stride 1 always learned, as in the code."""
    se: bool = False
    se_activation: Activation = "relu"

    def call(self, slot: Slot) -> Call | None:
        """VgnetDownsamplingBlock; nothing where shape stays."""
        if slot.keeps_shape:
            return None
        kept = min(slot.out_channels // 2, slot.in_channels)
        kept = kept if slot.in_channels <= slot.out_channels else 0
        kernels = self.kernels if slot.stride > 1 else "learned"
        return call(
            "VgnetDownsamplingBlock",
            in_channels=slot.in_channels,
            out_channels=slot.out_channels,
            kept=kept,
            filters=depthwise_call(kernels, slot, slot.in_channels, stride=slot.stride),
            attention=_attention(self.se, slot.out_channels - kept, self.se_activation),
            activation=ACTIVATIONS[slot.activation],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VgnetHead(Head):
    """A depthwise and a pointwise convolution, global average pooling, one linear layer."""

    kind = "vgnet"
    chunks: Count = 8
    """Runs of channels that share their depthwise kernels: 8 in the paper, 1 in later code."""
    kernels: Kernels = "learned"
    activation: Activation = "relu"
    dropout: Probability = 0.0

    def call(self, slot: Slot) -> Call:
        """VgnetHead."""
        return call(
            "VgnetHead",
            channels=slot.in_channels,
            num_classes=slot.out_channels,
            filters=depthwise_call(
                self.kernels,
                slot,
                slot.in_channels,
                chunks=self.chunks if self.kernels == "learned" else 1,
            ),
            norm_filtered=True if self.kernels != "learned" else None,
            activation=ACTIVATIONS[self.activation],
            dropout=self.dropout or None,
        )


def _attention(wanted: bool, channels: int, activation: Activation) -> Call | None:
    if not wanted:
        return None
    hidden = make_divisible(int(0.25 * channels))
    return squeeze_excite_call(channels, hidden, ACTIVATIONS[activation], "nn.Sigmoid")
