"""LruNet: layer reuse, channel shuffle, self-concatenation."""

from __future__ import annotations

from nas.components import Family
from nas.families.lru import options, trace

__all__ = ["FAMILY"]

MERGES = {("MaxPoolConcat", "MaxPoolConcat"): options.merge_pooling}

FAMILY = Family(
    name="lru",
    options=(
        options.MaxPoolConcat,
        options.Lru,
        options.LruHead,
    ),
    modules="nas.families.lru.modules",
    traces={
        "LruBlock": trace.trace_lru_block,
        "MaxPoolConcat": trace.trace_max_pool_concat,
        "LruHead": trace.trace_lru_head,
    },
    merges=MERGES,
    stem_merges=MERGES,  # without a stem these are a network's first layers
)
