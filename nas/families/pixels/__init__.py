"""Dense prediction: a head that gives a class to each pixel."""

from __future__ import annotations

from nas.components import Family
from nas.families.pixels import options, trace

__all__ = ["FAMILY"]

FAMILY = Family(
    name="pixels",
    options=(options.PixelsHead,),
    modules="nas.families.pixels.modules",
    traces={"Pixels": trace.trace_pixels},
)
