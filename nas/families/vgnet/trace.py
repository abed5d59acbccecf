"""Layers of VGNet's modules, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.components import Argument, Call, FeatureMap, LayerTrace


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
    filtered = trace.call(trace.slice(x, channels - identity), filters)
    if norm_filtered:
        filtered = trace.norm(filtered)
    mixed = trace.copy(trace.slice(x, identity), filtered)
    half = channels // 2
    new = trace.norm(trace.in_place(trace.conv(mixed, trace.weight(channels, half))))
    new = new if attention is None else trace.call(new, attention)
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
    filtered = trace.call(x, filters)
    pointwise = trace.weight(in_channels, out_channels - kept)
    new = trace.norm(trace.in_place(trace.conv(filtered, pointwise)))
    new = new if attention is None else trace.call(new, attention)
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
    x = trace.call(x, filters)
    if norm_filtered:
        x = trace.norm(x)
    x = trace.norm(trace.in_place(trace.conv(x, trace.weight(channels, channels))))
    return trace.linear(trace.global_pool(x), num_classes)
