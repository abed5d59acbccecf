"""Standard convolutions: the stem, the strided transition, the block, and the plain head."""

from __future__ import annotations

from nas.components import Family, NoBlock
from nas.families.plain import options, trace

__all__ = ["FAMILY"]

FAMILY = Family(
    name="plain",
    options=(
        options.ConvStem,
        options.NoStem,
        NoBlock,
        options.ConvTransition,
        options.Conv,
        options.GapLinear,
        options.FlattenHead,
    ),
    modules="nas.families.plain.modules",
    traces={
        "ConvNormAct": trace.trace_conv,
        "ConvActNorm": trace.trace_conv,
        "NoStem": trace.trace_no_stem,
        "GapLinear": trace.trace_gap_linear,
        "FlattenHead": trace.trace_flatten_head,
    },
    stem_merges={("NoStem", "*"): options.drop_no_stem},
)
