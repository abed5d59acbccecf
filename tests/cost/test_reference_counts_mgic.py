"""MGIC's counts: closed forms of a block, and whole networks as the authors' code builds them."""

from __future__ import annotations

import pytest

from nas.arch import Architecture, Block, FeatureMap, Slot, Stage, trace_layers
from nas.cost import cost_of
from nas.families.mgic.options import (
    MgicBasic,
    MgicBottleneck,
    MgicMobile,
    MgicMobileHead,
    MgicPoint,
)
from nas.families.plain.options import ConvStem, GapLinear
from nas.families.residual.options import ResnetStem


def block_cost(
    block: Block, channels: int, pixels: int = 1, *, stride: int = 1
) -> tuple[int, int]:
    """Parameters and multiply-accumulates of one block at constant width."""
    call = block.call(Slot("block", channels, channels, stride, "relu"))
    assert call is not None
    trace, _ = trace_layers(call, (channels, pixels, pixels))
    return trace.params, trace.macs


BLOCKS = [
    # channels, then params at group size / threshold 8/16, 16/32, 32/64, 64/128
    (64, 18_880, 34_432, 57_856, 96_768),
    (128, 39_104, 74_112, 136_448, 230_400),
    (256, 79_552, 153_472, 293_632, 543_232),
    (512, 160_448, 312_192, 608_000, 1_168_896),
    (1024, 322_240, 629_632, 1_236_736, 2_420_224),
    (2048, 645_824, 1_264_512, 2_494_208, 4_922_880),
]


@pytest.mark.parametrize("row", BLOCKS, ids=lambda row: f"c={row[0]}")
def test_basic_block(row: tuple[int, ...]) -> None:
    channels, *expected = row
    params = [
        block_cost(MgicBasic(group_size=size, threshold=2 * size), channels)[0]
        for size in (8, 16, 32, 64)
    ]
    assert params == expected


@pytest.mark.parametrize("channels", [16, 32, 64, 128, 256, 512])
@pytest.mark.parametrize(("size", "threshold"), [(8, 16), (4, 16), (16, 16), (2, 8)])
def test_closed_forms(channels: int, size: int, threshold: int) -> None:
    coarsest = min(threshold // 2, channels // 2)
    fine = 2 * (channels - coarsest)
    basic, point, wide = (
        form(group_size=size, threshold=threshold)
        for form in (MgicBasic, MgicPoint, MgicBottleneck)
    )
    norms = 6 * fine + 4 * coarsest
    assert block_cost(basic, channels, 5) == (
        19 * size * fine + 18 * coarsest**2 + norms,
        25 * (19 * size * fine + 18 * coarsest**2),
    )
    assert block_cost(point, channels)[0] == 3 * size * fine + 2 * coarsest**2 + norms
    levels = [channels >> level for level in range(12) if channels >> level > coarsest]
    bottleneck = sum(w * size * (17 + 16) + 2 * (2 * w + 4 * w) + 8 * w for w in levels)
    assert block_cost(wide, 4 * channels)[0] == bottleneck + 17 * coarsest**2 + 12 * coarsest


@pytest.mark.parametrize(("size", "threshold"), [(8, 16), (16, 32), (16, 16)])
def test_weights_grow_linearly_with_the_width(size: int, threshold: int) -> None:
    block = MgicBasic(group_size=size, threshold=threshold)
    coarsest = threshold // 2
    expected = 2 * coarsest * (19 * size + 6) - 18 * coarsest**2 - 4 * coarsest
    for channels in (threshold, 2 * threshold, 8 * threshold):
        small, large = block_cost(block, channels)[0], block_cost(block, 2 * channels)[0]
        assert large - 2 * small == expected


def resnet(
    depths: tuple[int, ...], size: int, threshold: int, *, cifar: bool = False, wide: bool = False
) -> Architecture:
    """An MGIC-ResNet: 16-32-64 channels with three stages, 64 to 512 (x 4) with four."""
    first = 16 if len(depths) == 3 else 64
    form = MgicBottleneck if wide else MgicBasic
    return Architecture(
        name="mgic_resnet",
        stem=ConvStem(channels=first, stride=1) if cifar else ResnetStem(channels=first),
        stages=tuple(
            Stage(
                channels=first * 2**index * (4 if wide else 1),
                depth=depth,
                stride=1 if index == 0 else 2,
                block=form(group_size=size, threshold=threshold),
            )
            for index, depth in enumerate(depths)
        ),
        head=GapLinear(),
    )


R18, R34, R20, R56 = (2, 2, 2, 2), (3, 4, 6, 3), (3, 3, 3), (9, 9, 9)


@pytest.mark.parametrize(
    ("depths", "size", "threshold", "params", "macs"),
    [
        (R20, 4, 8, 54_106, 12_337_792),
        (R20, 8, 16, 96_250, 21_541_504),
        (R20, 16, 32, 167_674, 36_532_864),
        (R20, 32, 32, 284_410, 49_607_296),
        (R56, 8, 16, 284_410, 63_517_312),
        (R56, 16, 32, 498_682, 108_491_392),
        (R18, 16, 32, 1_165_258, 137_786_368),
        (R18, 32, 32, 2_254_794, 260_748_288),
        (R34, 8, 16, 1_188_554, 133_465_088),
        (R34, 16, 32, 2_273_994, 253_047_808),
        (R34, 32, 32, 4_414_154, 482_939_904),
        (R34, 64, 64, 8_291_018, 829_125_632),
    ],
)
def test_cifar_resnets(
    depths: tuple[int, ...], size: int, threshold: int, params: int, macs: int
) -> None:
    arch = resnet(depths, size, threshold, cifar=True)
    cost = cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
    assert (cost.params, cost.macs) == (params, macs)


@pytest.mark.parametrize(
    ("depths", "wide", "size", "threshold", "params", "macs"),
    [
        (R18, False, 16, 32, 1_680_808, 0.535e9),
        (R18, False, 32, 32, 2_770_344, 0.912e9),
        (R18, False, 64, 64, 4_747_688, 1.456e9),
        (R34, False, 8, 16, 1_704_104, 521_828_096),
        (R34, False, 16, 32, 2_789_544, 888_050_176),
        (R34, False, 32, 32, 4_929_704, 1_592_094_720),
        (R34, False, 64, 64, 8_806_568, 2_652_288_512),
        (R34, True, 8, 16, 4_191_784, 818_678_080),
        (R34, True, 16, 32, 6_031_400, 1_416_772_864),
        (R34, True, 32, 32, 9_748_520, 2_639_587_072),
        (R34, True, 64, 64, 16_303_144, 4_329_075_712),
    ],
)
def test_imagenet_resnets(
    depths: tuple[int, ...], wide: bool, size: int, threshold: int, params: int, macs: float
) -> None:
    arch = resnet(depths, size, threshold, wide=wide)
    cost = cost_of(arch, input_shape=(3, 224, 224), num_classes=1000)
    assert cost.params == params
    rounded = isinstance(macs, float)
    assert cost.macs == (pytest.approx(macs, abs=0.5e6) if rounded else macs)


def test_parameters_per_block() -> None:
    small = resnet(R20, 8, 16, cifar=True)
    assert _params_per_call(small, 10) == [
        464, *[3_712] * 3, 9_120, *[8_768] * 2, 19_584, *[18_880] * 2, 650,
    ]  # fmt: skip
    wide = resnet(R34, 32, 32, wide=True)
    assert _params_per_call(wide, 1000)[1:-1] == [
        110_656, *[107_840] * 2,
        251_200, *[245_568] * 3,
        532_288, *[521_024] * 5,
        1_094_464, *[1_071_936] * 2,
    ]  # fmt: skip


def _params_per_call(arch: Architecture, classes: int) -> list[int]:
    params, x = [], FeatureMap(3, 64, 64, 0)
    for call in arch.calls(in_channels=3, num_classes=classes):
        trace, x = trace_layers(call, (x.channels, x.height, x.width))
        params.append(trace.params)
    return params


def test_driver_default() -> None:
    """The released training program's own defaults, 7x7 stem on CIFAR included."""
    arch = Architecture(
        name="mgic_resnet",
        stem=ResnetStem(channels=32),
        stages=tuple(
            Stage(channels=c, depth=n, stride=s, block=MgicBasic(group_size=32, threshold=32))
            for c, n, s in ((32, 1, 1), (64, 2, 2), (128, 2, 2), (256, 2, 2))
        ),
        head=GapLinear(),
    )
    cost = cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
    assert (cost.params, cost.macs) == (1_047_018, 6_497_536)


LARGE = [
    # kernel, expansion, channels, SE, activation, stride of each block
    (3, 1.0, 16, False, "relu", (1,)),
    (3, 4.0, 24, False, "relu", (2,)),
    (3, 3.0, 24, False, "relu", (1,)),
    (5, 3.0, 40, True, "relu", (2, 1, 1)),
    (3, 6.0, 80, False, "hardswish", (2,)),
    (3, 2.5, 80, False, "hardswish", (1,)),
    (3, 2.3, 80, False, "hardswish", (1, 1)),
    (3, 6.0, 112, True, "hardswish", (1, 1)),
    (5, 6.0, 160, True, "hardswish", (2, 1, 1)),
]
SMALL = [
    (3, 1.0, 16, True, "relu", (2,)),
    (3, 4.5, 24, False, "relu", (2,)),
    (3, 3.67, 24, False, "relu", (1,)),
    (5, 4.0, 40, True, "hardswish", (2,)),
    (5, 6.0, 40, True, "hardswish", (1, 1)),
    (5, 3.0, 48, True, "hardswish", (1, 1)),
    (5, 6.0, 96, True, "hardswish", (2, 1, 1)),
]


def mobilenet(rows: list[tuple], size: int, threshold: int, *, released: bool) -> Architecture:
    """An MGIC-MobileNetV3: with the released 1x1 stem and max pooling, or as for ImageNet."""
    stages = tuple(
        Stage(
            channels=channels,
            depth=len(strides),
            stride=strides[0],
            activation=activation,
            block=MgicMobile(
                group_size=size, threshold=threshold, expansion=expansion, kernel=kernel, se=se
            ),
        )
        for kernel, expansion, channels, se, activation, strides in rows
    )
    return Architecture(
        name="mgic_mobilenetv3",
        stem=ConvStem(channels=16, kernel=1 if released else 3, stride=1 if released else 2),
        stages=stages,
        head=MgicMobileHead(
            hidden=1280 if rows is LARGE else 1024, pool="max" if released else "average"
        ),
    )


@pytest.mark.parametrize(
    ("rows", "size", "params", "macs_released", "macs"),
    [
        (LARGE, 8, 3_993_791, 397_339_720, 106_626_346),
        (LARGE, 32, 4_547_266, 799_170_064, 207_074_644),
        (LARGE, 128, 5_312_768, None, 276_735_840),
        (SMALL, 8, 1_975_932, 138_238_704, 40_606_596),
        (SMALL, 32, 2_170_560, 235_686_176, 64_958_024),
        (LARGE, 64, 5_026_520 - 384, None, 258.9e6),
    ],
)
def test_mobilenets(
    rows: list[tuple], size: int, params: int, macs_released: int | None, macs: float
) -> None:
    threshold = 2 * size if size == 8 else size
    image = {"input_shape": (3, 224, 224), "num_classes": 1000}
    released = cost_of(mobilenet(rows, size, threshold, released=True), **image)
    assert released.params == params
    assert macs_released in (None, released.macs)
    ours = cost_of(mobilenet(rows, size, threshold, released=False), **image)
    assert ours.params == params + 384
    assert ours.macs == (pytest.approx(macs, abs=5e4) if isinstance(macs, float) else macs)


@pytest.mark.parametrize(
    ("rows", "size", "params", "macs"),
    [
        (LARGE, 8, 2_725_601, 10.07e6),
        (LARGE, 32, 3_279_076, 18.26e6),
        (SMALL, 8, 961_182, 3.41e6),
        (SMALL, 32, 1_155_810, 5.39e6),
    ],
)
def test_mobilenets_on_cifar(rows: list[tuple], size: int, params: int, macs: float) -> None:
    arch = mobilenet(rows, size, 2 * size if size == 8 else size, released=True)
    cost = cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
    assert cost.params == params
    assert cost.macs == pytest.approx(macs, abs=5e3)
