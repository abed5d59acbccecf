"""The catalogue: which stems, transitions, blocks and heads a model file may name.

Adding a family is one file here (options and layers, no torch), one file of the same name in
`nas/blocks/` (the modules), and its rows in these tables.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from nas.arch._component import Block, Head, Stem, Transition
from nas.arch.families import inverted, lru, mgic, plain, residual, separable, vgnet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nas.arch._call import Call
    from nas.arch._component import Component
    from nas.arch._layer_trace import FeatureMap, LayerTrace

__all__ = ["COMPONENTS", "TRACES"]

COMPONENTS: Mapping[type[Component], Mapping[str, type[Component]]] = MappingProxyType(
    {
        Stem: {part.kind: part for part in (plain.ConvStem, residual.ResnetStem)},
        Transition: {
            part.kind: part
            for part in (
                lru.MaxPoolConcat,
                vgnet.VgnetDownsampling,
                separable.SeparableTransition,
                plain.ConvTransition,
            )
        },
        Block: {
            part.kind: part
            for part in (
                lru.Lru,
                vgnet.HalfIdentity,
                separable.Separable,
                plain.Conv,
                residual.Residual,
                residual.Bottleneck,
                inverted.Inverted,
                mgic.MgicBasic,
                mgic.MgicBottleneck,
                mgic.MgicMobile,
                mgic.MgicPoint,
            )
        },
        Head: {
            part.kind: part
            for part in (
                plain.GapLinear,
                lru.LruHead,
                vgnet.VgnetHead,
                inverted.MobileNetV3Head,
                mgic.MgicMobileHead,
            )
        },
    }
)
"""For each place in a model file: the parts that may stand there, by name."""


def trace_reuse(trace: LayerTrace, x: FeatureMap, *, block: Call, times: int) -> FeatureMap:
    """Layers of Reuse: the block's, over and over, with weights made once."""
    for application in range(times):
        with trace.weights_known(application > 0):
            x = TRACES[block.name](trace, x, **block.kwargs)
    return x


TRACES: Mapping[str, Callable[..., FeatureMap]] = MappingProxyType(
    {
        "ConvNormAct": plain.trace_conv_unit,
        "ConvActNorm": plain.trace_conv_unit,
        "Reuse": trace_reuse,
        "GapLinear": plain.trace_gap_linear,
        "LruBlock": lru.trace_lru_block,
        "MaxPoolConcat": lru.trace_max_pool_concat,
        "LruHead": lru.trace_lru_head,
        "SeparableBlock": separable.trace_separable_block,
        "HalfIdentityBlock": vgnet.trace_half_identity_block,
        "VgnetDownsamplingBlock": vgnet.trace_vgnet_downsampling_block,
        "VgnetHead": vgnet.trace_vgnet_head,
        "ResnetStem": residual.trace_resnet_stem,
        "ResidualBlock": residual.trace_residual_block,
        "BottleneckBlock": residual.trace_bottleneck_block,
        "InvertedResidualBlock": inverted.trace_inverted_residual_block,
        "MobileNetV3Head": inverted.trace_mobilenet_v3_head,
        "MgicLevel": mgic.trace_mgic_level,
        "MgicBlock": mgic.trace_mgic_block,
        "MgicMobileHead": mgic.trace_mgic_mobile_head,
    }
)
"""The layers of every class an architecture can call, by the class's name."""
