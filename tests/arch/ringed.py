"""A small network whose weights come from rings, and the rings."""

from __future__ import annotations

from typing import Any

from nas.arch import Architecture, Sharing, Stage
from nas.families.plain.options import Conv, ConvStem, ConvTransition, GapLinear


def small(*, depth: int = 3, stages: int = 2, block: Any = None, **sharing: Any) -> Architecture:
    """Two stages of 8 and 16 channels; 3 plain 3x3 convolutions each, entered through a 1x1."""
    return Architecture(
        name="small",
        stem=ConvStem(channels=8),
        stages=tuple(
            Stage(
                channels=8 * 2**index,
                depth=depth,
                stride=2,
                transition=ConvTransition(kernel=1),
                block=block or Conv(),
            )
            for index in range(stages)
        ),
        head=GapLinear(),
        sharing=Sharing(**sharing),
    )


def rings(arch: Architecture) -> Any:
    return arch.rings(in_channels=3, num_classes=10)


# Kernels of `small`: 0 stem, 1 transition (8 x 8), 2 to 4 (8 x 8 x 9), 5 transition (16 x 8),
# 6 to 8 (16 x 16 x 9), 9 classifier.
FIRST, SECOND = 8 * 8 + 3 * 576, 16 * 8 + 3 * 2304
