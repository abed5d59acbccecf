"""MGIC: a hierarchy of ever fewer channels inside a block."""

from __future__ import annotations

from nas.components import Family
from nas.families.mgic import options, trace

__all__ = ["FAMILY"]

FAMILY = Family(
    name="mgic",
    options=(
        options.MgicBasic,
        options.MgicBottleneck,
        options.MgicMobile,
        options.MgicPoint,
        options.MgicMobileHead,
    ),
    modules="nas.families.mgic.modules",
    traces={
        "MgicLevel": trace.trace_mgic_level,
        "MgicBlock": trace.trace_mgic_block,
        "MgicMobileConnector": trace.trace_mgic_mobile_connector,
        "MgicMobileUnit": trace.trace_mgic_mobile_unit,
        "MgicMobileHead": trace.trace_mgic_mobile_head,
    },
    merges={
        ("ConvNormAct", cycle): options.merge_connected
        for cycle in ("MgicLevel", "ResidualBlock", "BottleneckBlock", "ConvNormAct")
    }
    | {("ConvNormAct", "MgicBlock"): options.split_connected},
)
