"""Layers of MobileNetV1's modules, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.components import Argument, Call, FeatureMap, LayerTrace


def trace_separable_block(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    out_channels: int,
    depthwise: Call,
    activation: Argument,
    groups: int = 1,
) -> FeatureMap:
    """Layers of SeparableBlock."""
    x = trace.in_place(trace.norm(trace.call(x, depthwise)))
    pointwise = trace.weight(in_channels, out_channels, groups=groups)
    return trace.in_place(trace.norm(trace.conv(x, pointwise)))


def trace_separable_unit(
    trace: LayerTrace, x: FeatureMap, *, depthwise: Call, pointwise: Call
) -> FeatureMap:
    """Layers of SeparableUnit."""
    return trace.call(trace.call(x, depthwise), pointwise)
