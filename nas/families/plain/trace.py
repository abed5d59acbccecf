"""Layers of Standard convolutions's modules, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.components import Argument, FeatureMap, LayerTrace


def trace_conv_unit(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    out_channels: int,
    kernel: int,
    activation: Argument,
    stride: int = 1,
    groups: int = 1,
) -> FeatureMap:
    """Layers of ConvNormAct and of ConvActNorm; their order makes no difference to costs."""
    weight = trace.weight(in_channels, out_channels, kernel=kernel, groups=groups)
    return trace.in_place(trace.norm(trace.conv(x, weight, stride=stride)))


def trace_gap_linear(
    trace: LayerTrace, x: FeatureMap, *, in_channels: int, num_classes: int, dropout: float = 0.0
) -> FeatureMap:
    """Layers of GapLinear."""
    return trace.linear(trace.global_pool(x), num_classes)
