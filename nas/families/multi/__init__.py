"""Several heads at once, each with outputs of its own."""

from __future__ import annotations

from nas.components import Family
from nas.families.multi import options, trace

__all__ = ["FAMILY"]

FAMILY = Family(
    name="multi",
    options=(options.MultiHead,),
    modules="nas.families.multi.modules",
    traces={"MultiHead": trace.trace_multi_head},
)
