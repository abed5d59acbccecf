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
from nas.arch._component import (
    ACTIVATIONS,
    Activation,
    Block,
    Bounds,
    Count,
    Head,
    Probability,
    Slot,
    Transition,
)
from nas.arch.families._attention import make_divisible, squeeze_excite_call, trace_attention
from nas.arch.families._depthwise import depthwise_call, trace_depthwise

if TYPE_CHECKING:
    from nas.arch._call import Argument
    from nas.arch._layer_trace import FeatureMap, LayerTrace

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


def trace_half_identity_block(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    channels: int,
    identity: int,
    filters: Call,
    activation: Argument,
    norm_filtered: bool = False,
    attention: Call | None = None,
) -> FeatureMap:
    """Layers of HalfIdentityBlock."""
    filtered = trace_depthwise(trace, trace.slice(x, channels - identity), filters)
    if norm_filtered:
        filtered = trace.norm(filtered)
    mixed = trace.copy(trace.slice(x, identity), filtered)
    half = channels // 2
    new = trace.norm(trace.in_place(trace.conv(mixed, trace.weight(channels, half))))
    new = trace_attention(trace, new, attention)
    return trace.copy(trace.slice(x, half), new)


def trace_vgnet_downsampling_block(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    out_channels: int,
    kept: int,
    filters: Call,
    activation: Argument,
    attention: Call | None = None,
) -> FeatureMap:
    """Layers of VgnetDownsamplingBlock."""
    filtered = trace_depthwise(trace, x, filters)
    pointwise = trace.weight(in_channels, out_channels - kept)
    new = trace.norm(trace.in_place(trace.conv(filtered, pointwise)))
    new = trace_attention(trace, new, attention)
    return trace.copy(trace.slice(filtered, kept), new)


def trace_vgnet_head(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    channels: int,
    num_classes: int,
    filters: Call,
    activation: Argument,
    norm_filtered: bool = False,
    dropout: float = 0.0,
) -> FeatureMap:
    """Layers of VgnetHead."""
    x = trace_depthwise(trace, x, filters)
    if norm_filtered:
        x = trace.norm(x)
    x = trace.norm(trace.in_place(trace.conv(x, trace.weight(channels, channels))))
    return trace.linear(trace.global_pool(x), num_classes)
