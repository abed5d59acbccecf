"""VGNet's counts: every variant, both generations of the code, ImageNet and small images."""

# ruff: noqa: E501 - tables, one published row per line

from __future__ import annotations

import pytest

from nas.arch import Architecture, Stage
from nas.cost import cost_of, part_cost
from nas.families.plain.options import ConvStem
from nas.families.vgnet.options import HalfIdentity, VgnetDownsampling, VgnetHead

SIZES = {
    "1.0": ((28, 56, 112, 224, 368), (4, 7, 13, 2)),
    "1.5": ((32, 64, 128, 256, 512), (3, 7, 14, 2)),
    "2.0": ((32, 72, 168, 376, 512), (3, 6, 13, 2)),
    "2.5": ((32, 80, 192, 400, 544), (3, 6, 16, 2)),
    "5.0": ((32, 88, 216, 456, 856), (4, 7, 15, 5)),
}
"""Channels from the stem on, and blocks per stage with the downsampling block."""
BANKS = {"C": "learned", "G": "learned", "F": "edge_gaussian", "E": "edge"}


def vgnet(
    variant: str, size: str, *, se: bool = False, late: bool = False, small: bool = False
) -> Architecture:
    """A VGNet of the paper's generation, or of the later one; `small` images stride less."""
    (stem, *widths), lengths = SIZES[size]
    activation = "silu" if late else "relu"
    blur = "learned" if variant == "C" else "gaussian_positive" if late else "gaussian"
    entry = VgnetDownsampling(kernels=blur, se=se, se_activation=activation)
    block = HalfIdentity(kernels=BANKS[variant], se=se, se_activation=activation)
    return Architecture(
        name="vgnet",
        stem=ConvStem(
            channels=stem, stride=1 if small else 2, activation=activation, order="conv_act_norm"
        ),
        stages=tuple(
            Stage(
                channels=c,
                stride=1 if small and index == 0 else 2,
                depth=length - 1,
                activation=activation,
                transition=entry,
                block=block,
            )
            for index, (c, length) in enumerate(zip(widths, lengths, strict=True))
        ),
        head=VgnetHead(chunks=1 if late else 8, kernels=BANKS[variant], activation=activation),
    )


def counts(arch: Architecture, pixels: int, classes: int) -> tuple[int, int, int]:
    cost = cost_of(arch, input_shape=(3, pixels, pixels), num_classes=classes)
    return cost.params, cost.frozen_params, cost.macs


IMAGENET = [
    # variant, size, SE, params (paper's generation), frozen, params (later), MACs
    ("G", "1.0", False, 997_358, 3_780, 1_000_256, 141_300_232),
    ("G", "1.0", True, 1_143_190, 3_780, 1_146_088, 141_443_080),
    ("G", "1.5", False, 1_502_024, 4_320, 1_506_056, 187_819_008),
    ("G", "1.5", True, 1_701_680, 4_320, 1_705_712, 188_015_104),
    ("G", "2.0", False, 2_006_380, 5_832, 2_010_412, 300_637_784),
    ("G", "2.5", False, 2_492_756, 6_336, 2_497_040, 398_936_736),
    ("G", "2.5", True, 2_922_284, 6_336, 2_926_568, 399_360_672),
    ("G", "5.0", False, 4_990_239, 7_128, 4_996_980, 602_198_896),
    ("G", "5.0", True, 5_887_455, 7_128, 5_894_196, 603_087_920),
    ("C", "1.0", False, 1_001_138, 0, 1_004_036, 141_300_232),
    ("C", "1.5", False, 1_506_344, 0, 1_510_376, 187_819_008),
    ("C", "2.5", False, 2_499_092, 0, 2_503_376, 398_936_736),
    ("F", "1.5", False, 1_485_896, 30_240, None, 187_819_008),
    ("E", "1.5", False, 1_485_896, 30_240, None, 187_819_008),
    ("E", "1.0", False, 984_044, 24_624, None, 141_300_232),
]


@pytest.mark.parametrize("row", IMAGENET, ids=lambda row: f"{row[0]}{row[1]}{'SE' * row[2]}")
def test_imagenet(row: tuple) -> None:
    variant, size, se, params, frozen, late_params, macs = row
    assert counts(vgnet(variant, size, se=se), 224, 1000) == (params, frozen, macs)
    if late_params is not None:
        late = vgnet(variant, size, se=se, late=True)
        assert counts(late, 224, 1000) == (late_params, frozen, macs)


def test_the_authors_rounded_count_of_2_0_with_se() -> None:
    params, _, macs = counts(vgnet("G", "2.0", se=True, late=True), 224, 1000)
    assert round(params / 1e6, 3) == 2.349
    assert macs == pytest.approx(0.306e9, rel=0.02)


SMALL = [
    # variant, size, SE, then for 32/10, 32/100: (paper, later, MACs); for 64/200: (paper, MACs)
    ("G", "1.0", False, (632_300, 635_198, 43_699_936), (665_510, 668_408, 43_733_056), (702_410, 174_858_624)),
    ("G", "1.0", True, (778_132, 781_030, 43_842_784), (811_342, 814_240, 43_875_904), (848_242, 175_001_472)),
    ("C", "1.0", False, (635_828, 638_726, 43_699_936), (669_038, 671_936, 43_733_056), (705_938, 174_858_624)),
    ("G", "1.5", False, (994_442, 998_474, 58_512_384), (1_040_612, 1_044_644, 58_558_464), (1_091_912, 234_131_456)),
    ("F", "1.5", False, (978_314, None, 58_512_384), (1_024_484, None, 58_558_464), (1_075_784, 234_131_456)),
    ("E", "1.5", False, (978_314, None, 58_512_384), (1_024_484, None, 58_558_464), (1_075_784, 234_131_456)),
    ("G", "2.0", False, (1_498_798, 1_502_830, 95_351_168), (1_544_968, 1_549_000, 95_397_248), (1_596_268, 381_486_592)),
]  # fmt: skip


@pytest.mark.parametrize("row", SMALL, ids=lambda row: f"{row[0]}{row[1]}{'SE' * row[2]}")
def test_small_images(row: tuple) -> None:
    variant, size, se, ten, hundred, tiny_imagenet = row
    arch = vgnet(variant, size, se=se, small=True)
    late = vgnet(variant, size, se=se, small=True, late=True)
    for classes, (params, late_params, macs) in ((10, ten), (100, hundred)):
        assert counts(arch, 32, classes)[::2] == (params, macs)
        if late_params is not None:
            assert counts(late, 32, classes)[::2] == (late_params, macs)
    assert counts(arch, 64, 200)[::2] == tiny_imagenet


PER_STAGE = {
    # params and MACs of stem, stages 1 to 4, and head without and with the classifier
    "1.0": (
        [812, 6_468, 44_576, 328_608, 111_320, 136_574 + 369_000],
        [9_483_264, 20_371_456, 34_728_064, 64_033_984, 5_517_400, 6_798_064 + 368_000],
    ),
    "1.5": (
        [928, 5_888, 57_600, 460_928, 199_936, 263_744 + 513_000],
        [10_838_016, 18_765_824, 44_907_520, 89_865_216, 9_859_584, 13_070_848 + 512_000],
    ),
    "2.0": (
        [928, 7_336, 82_284, 908_432, 230_656, 263_744 + 513_000],
        [10_838_016, 23_206_400, 64_209_600, 177_383_136, 11_417_784, 13_070_848 + 512_000],
    ),
}


@pytest.mark.parametrize("size", PER_STAGE)
def test_every_stage(size: str) -> None:
    shape, params, macs, shapes = (3, 224, 224), [], [], []
    for _, calls in vgnet("G", size).sections(3, 1000):
        parts = []
        for call in calls:
            parts.append(part_cost(call, shape))
            shape = parts[-1].out_shape
        params.append(sum(part.params for part in parts))
        macs.append(sum(part.macs for part in parts))
        shapes.append(shape)
    assert (params, macs) == PER_STAGE[size]
    sides = (112, 56, 28, 14, 7)
    assert shapes[:-1] == [(c, side, side) for c, side in zip(SIZES[size][0], sides, strict=True)]


def test_closed_forms_of_a_block() -> None:
    arch = vgnet("C", "1.0")
    down, block = arch.calls(in_channels=3, num_classes=10)[1:3]
    width, half, side = 28, 28, 56
    cost = part_cost(down, (width, 112, 112))
    assert cost.params == 9 * width + width * 28 + 2 * 28
    assert cost.macs == side**2 * (9 * width + width * 28)
    cost = part_cost(block, (2 * half, side, side))
    assert cost.params == 9 * half + 2 * half**2 + 2 * half
    assert cost.macs == side**2 * (9 * half + 2 * half**2)
