"""MobileNetV3 and V2: inverted residual, and the V3 head."""

from __future__ import annotations

from nas.components import Family
from nas.families.inverted import options, trace

__all__ = ["FAMILY"]

FAMILY = Family(
    name="inverted",
    options=(
        options.Inverted,
        options.MobileNetV3Head,
    ),
    modules="nas.families.inverted.modules",
    traces={
        "InvertedResidualBlock": trace.trace_inverted_residual_block,
        "MobileNetV3Head": trace.trace_mobilenet_v3_head,
    },
)
