"""Layers of the pixel head's module, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.components import FeatureMap, LayerTrace


def trace_pixels(
    trace: LayerTrace, x: FeatureMap, *, in_channels: int, num_classes: int, upsample: int
) -> FeatureMap:
    """Layers of Pixels: upsampling multiplies no weights, and writes a larger map."""
    weight = trace.weight(in_channels, num_classes, bias=True)
    classes = trace.conv(x, weight)
    if upsample == 1:
        return classes
    return trace.resize(classes, upsample * classes.height, upsample * classes.width)
