"""MobileNetV1's counts by width and resolution, and those of its CIFAR variant.

The CIFAR variant is the baseline in LruNet's repository; MobileNetV3's and V2's totals are those
of torchvision's models.
"""

# ruff: noqa: E501 - tables, one published row per line

from __future__ import annotations

from fractions import Fraction

import pytest

from nas.arch import Architecture, Block, Stage
from nas.cost import cost_of
from nas.families.inverted.options import Inverted, MobileNetV3Head
from nas.families.plain.options import Conv, ConvStem, GapLinear
from nas.families.separable.options import Separable

IMAGENET_STAGES = [(64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 6, 2), (1024, 1, 2), (1024, 1, 1)]
CIFAR_STAGES = [(64, 1, 2), (128, 2, 2), (256, 2, 1), (512, 6, 2), (1024, 2, 1)]
"""Channels, blocks, stride of the first block. ImageNet's last block does not stride (the paper's
table prints 2, its map sizes say 1)."""


def mobilenet(
    alpha: Fraction | int = 1,
    *,
    stages: list[tuple[int, int, int]] = IMAGENET_STAGES,
    stem_stride: int = 2,
    block: Block | None = None,
) -> Architecture:
    """A MobileNetV1 with widths int(c x alpha)."""
    return Architecture(
        name="mobilenet_v1",
        stem=ConvStem(channels=int(32 * alpha), stride=stem_stride),
        stages=tuple(
            Stage(channels=int(c * alpha), depth=n, stride=s, block=block or Separable())
            for c, n, s in stages
        ),
        head=GapLinear(),
    )


def costs(arch: Architecture, pixels: int, classes: int) -> tuple[int, int]:
    cost = cost_of(arch, input_shape=(3, pixels, pixels), num_classes=classes)
    return cost.params, cost.macs


@pytest.mark.parametrize(
    ("alpha", "params", "params_1001", "macs"),
    [
        (1, 4_231_976, 4_233_001, (568_740_352, 418_121_728, 290_675_200, 186_400_768)),
        (Fraction(3, 4), 2_585_560, 2_586_329, (325_400_448, 239_273_472, 166_396_800, 106_770_432)),
        (Fraction(1, 2), 1_331_592, 1_332_105, (149_497_088, 109_970_432, 76_524_800, 49_160_192)),
        (Fraction(1, 4), 470_072, 470_329, (41_030_272, 30_212_608, 21_059_200, 13_570_048)),
    ],
    ids=str,
)  # fmt: skip
def test_imagenet_widths_and_resolutions(
    alpha: Fraction, params: int, params_1001: int, macs: tuple[int, ...]
) -> None:
    arch = mobilenet(alpha)
    assert [costs(arch, px, 1000) for px in (224, 192, 160, 128)] == [(params, m) for m in macs]
    assert costs(arch, 224, 1001)[0] == params_1001


def test_imagenet_variants_of_the_paper() -> None:
    full = mobilenet(block=Conv())
    assert costs(full, 224, 1000) == (29_294_088, 4_867_293_184)
    shallow = mobilenet(stages=[(c, 1 if c == 512 else n, s) for c, n, s in IMAGENET_STAGES])
    assert costs(shallow, 224, 1000) == (2_887_976, 307_323_392)
    assert costs(mobilenet(), 224, 120)[0] == 3_329_976
    assert costs(mobilenet(Fraction(3, 4)), 224, 120)[0] == 1_908_840


@pytest.mark.parametrize(
    ("alpha", "params", "macs"),
    [
        (Fraction(1), 3_217_226, 58_550_272),
        (Fraction(3, 4), 1_824_250, 33_295_872),
        (Fraction(1, 2), 823_722, 15_119_360),
        (Fraction(2, 5), 530_317, 9_742_586),
        (Fraction(1, 4), 215_642, 4_020_736),
    ],
    ids=str,
)
def test_cifar_variant(alpha: Fraction, params: int, macs: int) -> None:
    arch = mobilenet(alpha, stages=CIFAR_STAGES, stem_stride=1)
    assert costs(arch, 32, 10) == (params, macs)


def test_cifar_variant_with_other_images_and_classes() -> None:
    arch = mobilenet(Fraction(2, 5), stages=CIFAR_STAGES, stem_stride=1)
    assert costs(arch, 32, 100)[0] == 567_217
    arch = mobilenet(Fraction(1, 4), stages=CIFAR_STAGES, stem_stride=1)
    grey = cost_of(arch, input_shape=(1, 32, 32), num_classes=10)
    assert grey.params == 215_498


V3_LARGE = [
    # kernel, expansion, channels, SE, activation, stride
    (3, 1.0, 16, False, "relu", 1),
    (3, 4.0, 24, False, "relu", 2),
    (3, 3.0, 24, False, "relu", 1),
    (5, 3.0, 40, True, "relu", 2),
    (5, 3.0, 40, True, "relu", 1),
    (5, 3.0, 40, True, "relu", 1),
    (3, 6.0, 80, False, "hardswish", 2),
    (3, 2.5, 80, False, "hardswish", 1),
    (3, 2.3, 80, False, "hardswish", 1),
    (3, 2.3, 80, False, "hardswish", 1),
    (3, 6.0, 112, True, "hardswish", 1),
    (3, 6.0, 112, True, "hardswish", 1),
    (5, 6.0, 160, True, "hardswish", 2),
    (5, 6.0, 160, True, "hardswish", 1),
    (5, 6.0, 160, True, "hardswish", 1),
]
V3_SMALL = [
    (3, 1.0, 16, True, "relu", 2),
    (3, 4.5, 24, False, "relu", 2),
    (3, 3.67, 24, False, "relu", 1),
    (5, 4.0, 40, True, "hardswish", 2),
    (5, 6.0, 40, True, "hardswish", 1),
    (5, 6.0, 40, True, "hardswish", 1),
    (5, 3.0, 48, True, "hardswish", 1),
    (5, 3.0, 48, True, "hardswish", 1),
    (5, 6.0, 96, True, "hardswish", 2),
    (5, 6.0, 96, True, "hardswish", 1),
    (5, 6.0, 96, True, "hardswish", 1),
]


@pytest.mark.parametrize(
    ("rows", "hidden", "params", "macs"),
    [(V3_LARGE, 1280, 5_483_032, 216_589_760), (V3_SMALL, 1024, 2_542_856, 56_510_400)],
    ids=["large", "small"],
)
def test_mobilenet_v3(rows: list[tuple], hidden: int, params: int, macs: int) -> None:
    arch = Architecture(
        name="mobilenet_v3",
        stem=ConvStem(channels=16, activation="hardswish"),
        stages=tuple(
            Stage(
                channels=channels,
                stride=stride,
                activation=activation,
                block=Inverted(kernel=kernel, expansion=expansion, se=se),
            )
            for kernel, expansion, channels, se, activation, stride in rows
        ),
        head=MobileNetV3Head(hidden=hidden),
    )
    assert costs(arch, 224, 1000) == (params, macs)


def test_mobilenet_v2_trunk() -> None:
    rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]  # fmt: skip
    stages = tuple(
        Stage(channels=c, depth=n, stride=s, activation="relu6", block=Inverted(expansion=t))
        for t, c, n, s in rows
    )
    last = Stage(channels=1280, activation="relu6", block=Conv(kernel=1))
    arch = Architecture(
        name="mobilenet_v2",
        stem=ConvStem(channels=32, activation="relu6"),
        stages=(*stages, last),
        head=GapLinear(dropout=0.2),
    )
    assert costs(arch, 224, 1000) == (3_504_872, 300_774_272)
