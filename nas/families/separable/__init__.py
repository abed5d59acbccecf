"""MobileNetV1: depthwise separable convolution."""

from __future__ import annotations

from nas.components import Family
from nas.families.separable import options, trace

__all__ = ["FAMILY"]

FAMILY = Family(
    name="separable",
    options=(
        options.SeparableStem,
        options.SeparableTransition,
        options.Separable,
    ),
    modules="nas.families.separable.modules",
    traces={
        "SeparableBlock": trace.trace_separable_block,
        "SeparableUnit": trace.trace_separable_unit,
    },
    merges={("ConvNormAct", "ConvNormAct"): options.merge_convolutions},
)
