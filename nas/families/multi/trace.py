"""Layers of several heads, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.components import Call, FeatureMap, LayerTrace


def trace_multi_head(trace: LayerTrace, x: FeatureMap, /, **heads: Call) -> FeatureMap:
    """Layers of MultiHead; all outputs are there in the end."""
    return trace.hold(*[trace.call(x, one) for one in heads.values()])
