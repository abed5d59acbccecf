"""MobileNetV1: depthwise separable convolution."""

from __future__ import annotations

from nas.components import Family
from nas.families.separable import options, trace

__all__ = ["FAMILY"]

MERGES = {
    ("ConvNormAct", "ConvNormAct"): options.merge_convolutions,
    ("ConvUnit", "ConvUnit"): options.merge_units,
    ("ConvUnit", "ConvNormAct"): options.merge_units,
    ("ConvNormAct", "ConvUnit"): options.merge_units,
    ("ConvUnit", "SeparableBlock"): options.merge_before_block,
    ("ConvNormAct", "SeparableBlock"): options.merge_before_block,
    ("ConvUnit", "SeparableUnit"): options.merge_before_unit,
    ("ConvNormAct", "SeparableUnit"): options.merge_before_unit,
}

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
    merges=MERGES,
    stem_merges=MERGES,
)
