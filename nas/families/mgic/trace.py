"""Layers of MGIC's modules, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.components import Argument, Call, FeatureMap, LayerTrace


def trace_mgic_level(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    channels: int,
    coarse_channels: int,
    smooth: Call,
    coarse: Call,
    groups: int = 1,
    restrict_norm: bool = False,
) -> FeatureMap:
    """Layers of MgicLevel."""
    narrow = trace.conv(x, trace.weight(channels, coarse_channels, groups=groups))
    if restrict_norm:
        narrow = trace.norm(narrow)
    correction = trace.in_place(trace.call(narrow, coarse), narrow)
    prolong = trace.weight(coarse_channels, channels, groups=groups)
    corrected = trace.in_place(x, trace.norm(trace.conv(correction, prolong)))
    return trace.call(corrected, smooth)


def trace_mgic_block(
    trace: LayerTrace, x: FeatureMap, *, connector: Call, cycle: Call
) -> FeatureMap:
    """Layers of MgicBlock."""
    return trace.call(trace.call(x, connector), cycle)


def trace_mgic_mobile_connector(
    trace: LayerTrace, x: FeatureMap, *, in_channels: int, out_channels: int, stride: int = 1
) -> FeatureMap:
    """Layers of MgicMobileConnector."""
    return trace.conv(x, trace.weight(in_channels, out_channels), stride=stride)


def trace_mgic_mobile_unit(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    channels: int,
    expanded: int,
    filters: Call,
    activation: Argument,
    groups: int = 1,
    attention: Call | None = None,
) -> FeatureMap:
    """Layers of MgicMobileUnit."""
    y = x
    if expanded != channels:
        expand = trace.weight(channels, expanded, groups=groups)
        y = trace.in_place(trace.norm(trace.conv(x, expand)))
    y = trace.in_place(trace.norm(trace.call(y, filters)))
    y = y if attention is None else trace.call(y, attention)
    y = trace.norm(trace.conv(y, trace.weight(expanded, channels, groups=groups)))
    return trace.in_place(trace.in_place(trace.in_place(y, x)), x)


def trace_mgic_mobile_head(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    num_classes: int,
    hidden: int,
    average: bool = False,
    dropout: float = 0.0,
) -> FeatureMap:
    """Layers of MgicMobileHead."""
    x = trace.in_place(trace.norm(trace.conv(x, trace.weight(in_channels, in_channels))))
    x = trace.in_place(trace.conv(x, trace.weight(in_channels, hidden, bias=True)))
    return trace.linear(trace.global_pool(x), num_classes)
