"""The catalogue of modules: one family per file, named after it.

Files import torch, the standard library and `nas.layers` only, and none imports another, so
that export can copy the classes a network uses, and nothing else.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from nas.blocks.inverted import InvertedResidualBlock, MobileNetV3Head
from nas.blocks.lru import LruBlock, LruHead, MaxPoolConcat
from nas.blocks.mgic import (
    MgicBlock,
    MgicLevel,
    MgicMobileConnector,
    MgicMobileHead,
    MgicMobileUnit,
)
from nas.blocks.plain import ConvActNorm, ConvNormAct, GapLinear
from nas.blocks.residual import BottleneckBlock, Projection, ResidualBlock, ResnetStem
from nas.blocks.reuse import Reuse
from nas.blocks.separable import SeparableBlock
from nas.blocks.vgnet import HalfIdentityBlock, VgnetDownsamplingBlock, VgnetHead
from nas.layers.depthwise import (
    Depthwise,
    EdgeBank,
    EdgeGaussianBank,
    GaussianBlur,
    PositiveGaussianBlur,
)
from nas.layers.shuffle import halves, halves_interleave, interleave
from nas.layers.squeeze_excite import SqueezeExcite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["NAMES"]

NAMES: Mapping[str, Callable[..., object]] = MappingProxyType(
    {
        item.__name__: item
        for item in (
            BottleneckBlock,
            ConvActNorm,
            ConvNormAct,
            Depthwise,
            EdgeBank,
            EdgeGaussianBank,
            GapLinear,
            GaussianBlur,
            HalfIdentityBlock,
            InvertedResidualBlock,
            LruBlock,
            LruHead,
            MaxPoolConcat,
            MgicBlock,
            MgicLevel,
            MgicMobileConnector,
            MgicMobileHead,
            MgicMobileUnit,
            MobileNetV3Head,
            PositiveGaussianBlur,
            Projection,
            ResidualBlock,
            ResnetStem,
            Reuse,
            SeparableBlock,
            SqueezeExcite,
            VgnetDownsamplingBlock,
            VgnetHead,
            halves,
            halves_interleave,
            interleave,
        )
    }
)
"""Every class and function that an architecture's calls may name."""
