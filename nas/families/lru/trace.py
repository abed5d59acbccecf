"""Layers of LruNet's modules, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.components import Argument, FeatureMap, LayerTrace


def trace_lru_block(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    channels: int,
    reuse: int,
    activation: Argument,
    groups: int = 1,
    shuffle: Argument | None = None,
    kernel: int = 3,
    multiplier: int = 2,
) -> FeatureMap:
    """Layers of LruBlock."""
    wide = multiplier * channels
    depthwise = trace.weight(channels, wide, kernel=kernel, groups=channels)
    pointwise = trace.weight(wide, channels, groups=groups)
    for application in range(reuse):
        y = trace.norm(trace.conv(x, depthwise))
        y = trace.norm(trace.conv(y, pointwise))
        x = trace.in_place(trace.in_place(y, x))
        if shuffle is not None and application < reuse - 1:
            x = trace.copy(x)
    return x


def trace_max_pool_concat(
    trace: LayerTrace, x: FeatureMap, *, in_channels: int, out_channels: int, stride: int = 1
) -> FeatureMap:
    """Layers of MaxPoolConcat."""
    if stride > 1:
        x = trace.max_pool(x, stride=stride)
    if out_channels == in_channels:
        return x
    whole, rest = divmod(out_channels, in_channels)
    return trace.copy(*[x] * whole, *([trace.slice(x, rest)] if rest else []))


def trace_lru_head(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    num_classes: int,
    groups: int,
    dropout: float = 0.0,
    relu: bool = True,
) -> FeatureMap:
    """Layers of LruHead."""
    x = trace.max_pool(x)
    narrow = trace.weight(in_channels, in_channels // 2, groups=groups)
    x = trace.in_place(trace.norm(trace.conv(x, narrow)))
    classify = trace.weight(in_channels // 2, num_classes, bias=True)
    x = trace.conv(x, classify)
    return trace.global_pool(trace.in_place(x) if relu else x)
