"""ResNet: basic and bottleneck blocks, the stem with max pooling."""

from __future__ import annotations

from nas.components import Family
from nas.families.residual import options, trace

__all__ = ["FAMILY"]

FAMILY = Family(
    name="residual",
    options=(
        options.ResnetStem,
        options.Residual,
        options.Bottleneck,
    ),
    modules="nas.families.residual.modules",
    traces={
        "PaddedShortcut": trace.trace_padded_shortcut,
        "ResnetStem": trace.trace_resnet_stem,
        "ResidualBlock": trace.trace_residual_block,
        "BottleneckBlock": trace.trace_bottleneck_block,
    },
    stem_merges={
        ("ConvNormAct", "MaxPoolConcat"): options.merge_stem,
        ("ResnetStem", "MaxPoolConcat"): options.split_stem,
    },
)
