"""The network that every other is measured beside: the unit of ratios, never to change."""

from __future__ import annotations

from nas.arch import Architecture, Stage
from nas.families.plain.options import ConvStem, GapLinear
from nas.families.residual.options import Residual
from nas.families.separable.options import Separable
from nas.latency._record import Workload

REFERENCE = Workload(
    arch=Architecture(
        name="latency_reference",
        stem=ConvStem(channels=16),
        stages=(
            Stage(channels=32, stride=2, depth=2, block=Residual()),
            Stage(channels=64, stride=2, depth=3, block=Separable()),
            Stage(channels=128, stride=2, depth=2, block=Separable()),
        ),
        head=GapLinear(),
    ),
    input_shape=(3, 32, 32),
    num_classes=10,
)
"""Dense, depthwise and pointwise convolutions on 32-pixel images, whatever is measured."""
