"""VGNet: half the channels skip the depthwise convolution, and fixed kernels can replace it.

Paper: Efficient CNN Architecture Design Guided by Visualization -
https://arxiv.org/abs/2207.10318. The modules are in `nas/blocks/vgnet.py`.

Paper and later code differ (last depthwise shared or plain, blur sigma 1.1 with alternating
signs or 1.0 positive, ReLU or SiLU). Defaults are the paper's generation, whose parameter counts
are the published ones; every difference is an option.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from nas.arch._call import Call, call
from nas.arch._part import (
    ACTIVATIONS,
    Activation,
    Block,
    Bounds,
    Count,
    Head,
    Probability,
    Site,
    Transition,
)
from nas.arch.families._attention import make_divisible, plan_attention, squeeze_excite_call
from nas.arch.families._depthwise import depthwise_call, plan_depthwise

if TYPE_CHECKING:
    from nas.arch._call import Argument
    from nas.arch._tape import Map, Tape

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
    reuse: Count = 1
    """How often one set of weights is applied, where the block keeps its shape."""
    identity_ratio: Ratio = 0.5
    kernels: Kernels = "learned"
    """Learned (VGNetC and G), or fixed: edge (4 kernels), edge_gaussian (8; VGNetF)."""
    se: bool = False
    se_activation: Activation = "relu"

    def call(self, site: Site) -> Call:
        """HalfIdentityBlock with the number of identity channels spelled out."""
        site.require_same_shape(self.kind)
        channels = site.in_channels
        site.require_divides(2, channels, "half_identity's 2 halves")
        # The tiny term keeps 0.3 * 10 at 3, whose product in binary falls just short of it.
        identity = math.floor(self.identity_ratio * channels + 1e-9)
        return call(
            "HalfIdentityBlock",
            channels=channels,
            identity=identity,
            filters=depthwise_call(self.kernels, site, channels - identity),
            norm_filtered=True if self.kernels != "learned" else None,
            attention=_attention(self.se, channels // 2, self.se_activation),
            activation=ACTIVATIONS[site.activation],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VgnetDownsampling(Transition):
    """Filter and stride every channel; keep half of the output's width, make the rest new."""

    kind = "vgnet_downsampling"
    kernels: DownKernels = "gaussian"
    """Learned (VGNetC) or a fixed blur (G, F). At stride 1 always learned, as in the code."""
    se: bool = False
    se_activation: Activation = "relu"

    def call(self, site: Site) -> Call | None:
        """VgnetDownsamplingBlock; nothing where shape stays."""
        if site.keeps_shape:
            return None
        kept = min(site.out_channels // 2, site.in_channels)
        kept = kept if site.in_channels <= site.out_channels else 0
        kernels = self.kernels if site.stride > 1 else "learned"
        return call(
            "VgnetDownsamplingBlock",
            in_channels=site.in_channels,
            out_channels=site.out_channels,
            kept=kept,
            filters=depthwise_call(kernels, site, site.in_channels, stride=site.stride),
            attention=_attention(self.se, site.out_channels - kept, self.se_activation),
            activation=ACTIVATIONS[site.activation],
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

    def call(self, site: Site) -> Call:
        """VgnetHead."""
        return call(
            "VgnetHead",
            channels=site.in_channels,
            num_classes=site.out_channels,
            filters=depthwise_call(
                self.kernels,
                site,
                site.in_channels,
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


def plan_half_identity_block(
    tape: Tape,
    x: Map,
    *,
    channels: int,
    identity: int,
    filters: Call,
    activation: Argument,
    norm_filtered: bool = False,
    attention: Call | None = None,
) -> Map:
    """Layers of HalfIdentityBlock."""
    filtered = plan_depthwise(tape, tape.slice(x, channels - identity), filters)
    if norm_filtered:
        filtered = tape.norm(filtered)
    mixed = tape.copy(tape.slice(x, identity), filtered)
    half = channels // 2
    new = tape.norm(tape.in_place(tape.conv(mixed, tape.weight(channels, half))))
    new = plan_attention(tape, new, attention)
    return tape.copy(tape.slice(x, half), new)


def plan_vgnet_downsampling_block(
    tape: Tape,
    x: Map,
    *,
    in_channels: int,
    out_channels: int,
    kept: int,
    filters: Call,
    activation: Argument,
    attention: Call | None = None,
) -> Map:
    """Layers of VgnetDownsamplingBlock."""
    filtered = plan_depthwise(tape, x, filters)
    pointwise = tape.weight(in_channels, out_channels - kept)
    new = tape.norm(tape.in_place(tape.conv(filtered, pointwise)))
    new = plan_attention(tape, new, attention)
    return tape.copy(tape.slice(filtered, kept), new)


def plan_vgnet_head(
    tape: Tape,
    x: Map,
    *,
    channels: int,
    num_classes: int,
    filters: Call,
    activation: Argument,
    norm_filtered: bool = False,
    dropout: float = 0.0,
) -> Map:
    """Layers of VgnetHead."""
    x = plan_depthwise(tape, x, filters)
    if norm_filtered:
        x = tape.norm(x)
    x = tape.norm(tape.in_place(tape.conv(x, tape.weight(channels, channels))))
    return tape.linear(tape.global_pool(x), num_classes)
