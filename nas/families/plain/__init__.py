"""Standard convolutions: the stem, the strided transition, the block, and the plain head."""

from __future__ import annotations

from nas.components import Family
from nas.families.plain import options, trace

__all__ = ["FAMILY"]

FAMILY = Family(
    name="plain",
    options=(
        options.ConvStem,
        options.ConvTransition,
        options.Conv,
        options.GapLinear,
    ),
    modules="nas.families.plain.modules",
    traces={
        "ConvNormAct": trace.trace_conv_unit,
        "ConvActNorm": trace.trace_conv_unit,
        "GapLinear": trace.trace_gap_linear,
    },
)
