"""The catalogue: which stems, transitions, blocks and heads a model file may name.

Adding a family is one file here (options and layers, no torch), one file of the same name in
`nas/blocks/` (the modules), and its rows in these tables.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from nas.arch._part import Block, Head, Stem, Transition
from nas.arch.families import inverted, lru, mgic, plain, residual, separable, vgnet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nas.arch._call import Call
    from nas.arch._part import Part
    from nas.arch._tape import Map, Tape

__all__ = ["PARTS", "PLANS"]

PARTS: Mapping[type[Part], Mapping[str, type[Part]]] = MappingProxyType(
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


def plan_reuse(tape: Tape, x: Map, *, block: Call, times: int) -> Map:
    """Layers of Reuse: the block's, over and over, with weights made once."""
    for application in range(times):
        with tape.weights_known(application > 0):
            x = PLANS[block.name](tape, x, **block.kwargs)
    return x


PLANS: Mapping[str, Callable[..., Map]] = MappingProxyType(
    {
        "ConvNormAct": plain.plan_conv_unit,
        "ConvActNorm": plain.plan_conv_unit,
        "Reuse": plan_reuse,
        "GapLinear": plain.plan_gap_linear,
        "LruBlock": lru.plan_lru_block,
        "MaxPoolConcat": lru.plan_max_pool_concat,
        "LruHead": lru.plan_lru_head,
        "SeparableBlock": separable.plan_separable_block,
        "HalfIdentityBlock": vgnet.plan_half_identity_block,
        "VgnetDownsamplingBlock": vgnet.plan_vgnet_downsampling_block,
        "VgnetHead": vgnet.plan_vgnet_head,
        "ResnetStem": residual.plan_resnet_stem,
        "ResidualBlock": residual.plan_residual_block,
        "BottleneckBlock": residual.plan_bottleneck_block,
        "InvertedResidualBlock": inverted.plan_inverted_residual_block,
        "MobileNetV3Head": inverted.plan_mobilenet_v3_head,
        "MgicLevel": mgic.plan_mgic_level,
        "MgicBlock": mgic.plan_mgic_block,
        "MgicMobileHead": mgic.plan_mgic_mobile_head,
    }
)
"""The layers of every class an architecture can call, by the class's name."""
