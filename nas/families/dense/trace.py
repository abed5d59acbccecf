"""Layers of the modules of dense prediction, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.components import Argument, Call, FeatureMap, LayerTrace


def trace_upsample(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    out_channels: int,
    factor: int,
    activation: Argument,
) -> FeatureMap:
    """Layers of Upsample."""
    x = trace.in_place(trace.norm(trace.conv(x, trace.weight(in_channels, out_channels))))
    return trace.resize(x, factor * x.height, factor * x.width)


def trace_unet_level(
    trace: LayerTrace, x: FeatureMap, *, encode: Call, inner: Call, decode: Call
) -> FeatureMap:
    """Layers of UnetLevel."""
    skip = trace.call(x, encode)
    deep = trace.call(trace.max_pool(skip, kernel=2), inner)
    deep = trace.resize(deep, skip.height, skip.width)
    return trace.call(trace.copy(skip, deep), decode)


def trace_segmentation_head(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    num_classes: int,
    hidden: int = 0,
    gated: bool = False,
    upsample: int = 1,
    dropout: float = 0.0,
) -> FeatureMap:
    """Layers of SegmentationHead."""
    y = x
    if hidden:
        weight = trace.weight(in_channels, hidden, kernel=1 if gated else 3)
        gate = trace.weight(in_channels, hidden) if gated else None
        y = trace.in_place(trace.norm(trace.conv(x, weight)))
        if gate is not None:
            y = trace.in_place(y, trace.in_place(trace.conv(trace.global_pool(x), gate)))
    classify = trace.weight(hidden or in_channels, num_classes, bias=True)
    y = trace.conv(y, classify)
    return y if upsample == 1 else trace.resize(y, upsample * y.height, upsample * y.width)
