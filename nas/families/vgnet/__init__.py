"""VGNet: half-identity blocks, fixed kernels."""

from __future__ import annotations

from nas.components import Family
from nas.families.vgnet import options, trace

__all__ = ["FAMILY"]

FAMILY = Family(
    name="vgnet",
    options=(
        options.VgnetDownsampling,
        options.HalfIdentity,
        options.VgnetHead,
    ),
    modules="nas.families.vgnet.modules",
    traces={
        "HalfIdentityBlock": trace.trace_half_identity_block,
        "VgnetDownsamplingBlock": trace.trace_vgnet_downsampling_block,
        "VgnetHead": trace.trace_vgnet_head,
    },
)
