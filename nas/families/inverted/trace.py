"""Layers of MobileNetV3 (and V2)'s modules, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.components import Argument, Call, FeatureMap, LayerTrace


def trace_inverted_residual_block(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    out_channels: int,
    expanded: int,
    filters: Call,
    activation: Argument,
    groups: int = 1,
    attention: Call | None = None,
    residual: bool = False,
) -> FeatureMap:
    """Layers of InvertedResidualBlock."""
    y = x
    if expanded != in_channels:
        expand = trace.weight(in_channels, expanded, groups=groups)
        y = trace.in_place(trace.norm(trace.conv(x, expand)))
    y = trace.in_place(trace.norm(trace.call(y, filters)))
    y = y if attention is None else trace.call(y, attention)
    y = trace.norm(trace.conv(y, trace.weight(expanded, out_channels, groups=groups)))
    return trace.in_place(y, x) if residual else y


def trace_mobilenet_v3_head(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    num_classes: int,
    expanded: int,
    hidden: int,
    activation: Argument,
    dropout: float = 0.0,
) -> FeatureMap:
    """Layers of MobileNetV3Head."""
    x = trace.in_place(trace.norm(trace.conv(x, trace.weight(in_channels, expanded))))
    x = trace.in_place(trace.linear(trace.global_pool(x), hidden))
    return trace.linear(x, num_classes)
