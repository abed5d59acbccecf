"""Layers of ResNet's modules, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.components import FeatureMap, strided

if TYPE_CHECKING:
    from nas.components import Argument, Call, LayerTrace, Weight


def trace_resnet_stem(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    out_channels: int,
    kernel: int,
    stride: int,
    activation: Argument,
) -> FeatureMap:
    """Layers of ResnetStem."""
    weight = trace.weight(in_channels, out_channels, kernel=kernel)
    return trace.max_pool(trace.in_place(trace.norm(trace.conv(x, weight, stride=stride))))


def trace_residual_block(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    out_channels: int,
    activation: Argument,
    kernel: int = 3,
    stride: int = 1,
    groups: int = 1,
    shortcut: Call | None = None,
) -> FeatureMap:
    """Layers of ResidualBlock."""
    projection = _projection_weight(trace, shortcut)
    conv1 = trace.weight(in_channels, out_channels, kernel=kernel, groups=groups)
    conv2 = trace.weight(out_channels, out_channels, kernel=kernel, groups=groups)
    y = trace.in_place(trace.norm(trace.conv(x, conv1, stride=stride)))
    y = trace.norm(trace.conv(y, conv2))
    if projection is not None:
        x = trace.norm(trace.conv(x, projection, stride=stride))
    elif shortcut is not None:
        x = trace.call(x, shortcut)
    return trace.in_place(trace.in_place(y, x))


def trace_bottleneck_block(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    out_channels: int,
    width: int,
    activation: Argument,
    kernel: int = 3,
    stride: int = 1,
    groups: int = 1,
    pointwise_groups: int = 1,
    activate_branch: bool = False,
    shortcut: Call | None = None,
) -> FeatureMap:
    """Layers of BottleneckBlock."""
    projection = _projection_weight(trace, shortcut)
    narrow = trace.weight(in_channels, width, groups=pointwise_groups)
    conv = trace.weight(width, width, kernel=kernel, groups=groups)
    widen = trace.weight(width, out_channels, groups=pointwise_groups)
    y = trace.in_place(trace.norm(trace.conv(x, narrow)))
    y = trace.in_place(trace.norm(trace.conv(y, conv, stride=stride)))
    y = trace.norm(trace.conv(y, widen))
    if projection is not None:
        x = trace.norm(trace.conv(x, projection, stride=stride))
    elif shortcut is not None:
        x = trace.call(x, shortcut)
    return trace.in_place(trace.in_place(y, x))


def _projection_weight(trace: LayerTrace, shortcut: Call | None) -> Weight | None:
    if shortcut is None or shortcut.name != "Projection":
        return None
    channels = shortcut.kwargs
    return trace.weight(int(channels["in_channels"]), int(channels["out_channels"]))  # type: ignore[arg-type]


def trace_padded_shortcut(
    trace: LayerTrace, x: FeatureMap, *, in_channels: int, out_channels: int, stride: int = 1
) -> FeatureMap:
    """Layers of PaddedShortcut: pixels are skipped without a copy, channels are not."""
    height, width = strided(x.height, stride), strided(x.width, stride)
    x = FeatureMap(x.channels, height, width, x.storage)
    return x if out_channels == in_channels else trace.resize(x, height, width, out_channels)
