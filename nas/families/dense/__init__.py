"""Dense prediction: encoder-decoder blocks with skips, upsampling, a head with a class a pixel."""

from __future__ import annotations

from nas.components import Family
from nas.families.dense import options, trace

__all__ = ["FAMILY"]

FAMILY = Family(
    name="dense",
    options=(options.UpsampleTransition, options.Unet, options.SegmentationHead),
    modules="nas.families.dense.modules",
    traces={
        "Upsample": trace.trace_upsample,
        "UnetLevel": trace.trace_unet_level,
        "SegmentationHead": trace.trace_segmentation_head,
    },
)
