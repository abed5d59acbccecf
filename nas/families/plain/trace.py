"""Layers of Standard convolutions's modules, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.components import PRELU, FeatureMap
from nas.errors import IllegalArchitecture

if TYPE_CHECKING:
    from nas.components import Argument, FeatureMap, LayerTrace


def trace_conv(
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


def trace_flatten_head(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    num_classes: int,
    size: tuple[int, int],
    hidden: tuple[int, ...] = (),
    activation: Argument | None = None,
    dropout: float = 0.0,
) -> FeatureMap:
    """Layers of FlattenHead. Raises IllegalArchitecture where the map is not of its size."""
    if trace.sizes_known and (x.height, x.width) != size:
        raise IllegalArchitecture(
            f"head.flatten.size: {size[0]}x{size[1]} pixels are expected and {x.height}x{x.width} "
            f"come at this image size; write size: {x.height}x{x.width}, or use gap_linear",
            rule="flatten knows the size of its map",
        )
    x = FeatureMap(in_channels * size[0] * size[1], 1, 1, x.storage)
    for number, features in enumerate(hidden):
        x = trace.in_place(trace.linear(x, features))
        if number and activation == PRELU:
            trace.params += 1
    return trace.linear(x, num_classes)


def trace_no_stem(trace: LayerTrace, x: FeatureMap) -> FeatureMap:
    """No layers."""
    return x
