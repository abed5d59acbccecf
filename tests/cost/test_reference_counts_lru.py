"""LruNet's published counts, to the last parameter and the last multiply-accumulate.

Closed forms and tables follow from the authors' code; six of the totals are those of published
weights (1 and 14 applications on CIFAR-10 and CIFAR-100, 1 and 10 on Fashion-MNIST).
"""

# ruff: noqa: E501 - tables, one published row per line

from __future__ import annotations

from fractions import Fraction

import pytest

from nas.arch import Architecture, Stage
from nas.cost import cost_of, measure_cost
from nas.errors import IllegalArchitecture
from nas.families.lru.options import Lru, LruHead, MaxPoolConcat
from nas.families.plain.options import ConvStem
from nas.model import build_model

CIFAR = (3, 32, 32)
GREY = (1, 32, 32)


def lrunet(reuse: int, alpha: Fraction | int = 1) -> Architecture:
    """A LruNet; the stem's 64 channels are repeated for alpha > 1 and thinned for alpha < 1."""
    strides = (1, 2, 2, 1)
    return Architecture(
        name="lrunet",
        stem=ConvStem(channels=min(64, int(64 * alpha))),
        stages=tuple(
            Stage(
                channels=int(64 * alpha * 2**index),
                stride=stride,
                transition=MaxPoolConcat(),
                block=Lru(reuse=reuse),
            )
            for index, stride in enumerate(strides)
        ),
        head=LruHead(),
    )


PARAMS_BY_REUSE = [
    # N, CIFAR-10 1x, F-MNIST 1x, CIFAR-100 1x, CIFAR-100 2x, CIFAR-10 2x, F-MNIST 2x
    (1, 131_402, 130_250, 154_532, 513_956, 467_786, 466_634),
    (2, 137_162, 136_010, 160_292, 525_476, 479_306, 478_154),
    (4, 148_682, 147_530, 171_812, 548_516, 502_346, 501_194),
    (8, 171_722, 170_570, 194_852, 594_596, 548_426, 547_274),
    (10, 183_242, 182_090, 206_372, 617_636, 571_466, 570_314),
    (14, 206_282, 205_130, 229_412, 663_716, 617_546, 616_394),
    (16, 217_802, 216_650, 240_932, 686_756, 640_586, 639_434),
]
SETTINGS = [
    (CIFAR, 10, 1),
    (GREY, 10, 1),
    (CIFAR, 100, 1),
    (CIFAR, 100, 2),
    (CIFAR, 10, 2),
    (GREY, 10, 2),
]


@pytest.mark.parametrize("row", PARAMS_BY_REUSE, ids=lambda row: f"N={row[0]}")
def test_params_by_reuse(row: tuple[int, ...]) -> None:
    reuse, *expected = row
    counted = [
        cost_of(lrunet(reuse, alpha), input_shape=shape, num_classes=classes).params
        for shape, classes, alpha in SETTINGS
    ]
    assert counted == expected


MACS_BY_REUSE = [
    # image, classes, alpha, independent of N, per application, {N: total}
    (CIFAR, 10, 1, 518_144, 2_498_560, {1: 3_016_704, 4: 10_512_384, 8: 20_506_624, 14: 35_497_984, 16: 40_495_104}),
    (CIFAR, 100, 1, 610_304, 2_498_560, {1: 3_108_864, 4: 10_604_544, 8: 20_598_784, 14: 35_590_144, 16: 40_587_264}),
    (CIFAR, 10, 2, 724_992, 8_667_136, {1: 9_392_128, 4: 35_393_536, 8: 70_062_080, 14: 122_064_896, 16: 139_399_168}),
    (CIFAR, 100, 2, 909_312, 8_667_136, {1: 9_576_448, 4: 35_577_856, 8: 70_246_400, 14: 122_249_216, 16: 139_583_488}),
    (GREY, 10, 1, 223_232, 2_498_560, {1: 2_721_792, 4: 10_217_472, 8: 20_211_712, 10: 25_208_832, 14: 35_203_072, 16: 40_200_192}),
    ((1, 28, 28), 10, 1, 188_672, 2_272_000, {1: 2_460_672, 4: 9_276_672, 8: 18_364_672, 10: 22_908_672, 14: 31_996_672, 16: 36_540_672}),
]  # fmt: skip


@pytest.mark.parametrize("row", MACS_BY_REUSE, ids=lambda row: f"{row[0]}-{row[1]}-{row[2]}x")
def test_macs_by_reuse(
    row: tuple[tuple[int, int, int], int, int, int, int, dict[int, int]],
) -> None:
    shape, classes, alpha, fixed, per_application, totals = row
    for reuse, total in totals.items():
        cost = cost_of(lrunet(reuse, alpha), input_shape=shape, num_classes=classes)
        assert cost.macs == total == fixed + reuse * per_application


def closed_form(reuse: int, alpha: Fraction | int, image_channels: int, classes: int) -> int:
    """Parameters piece by piece: stem, stages, both head convolutions, BatchNorm."""
    widths = [int(64 * alpha * 2**index) for index in range(4)]
    stem = min(64, widths[0])
    narrow = widths[-1] // 2
    convs = 9 * image_channels * stem + sum(18 * c + c * c // 4 for c in widths)
    head = widths[-1] * narrow // 8 + narrow * classes + classes
    norms = 2 * stem + 2 * narrow + reuse * 6 * sum(widths)
    return convs + head + norms


ALPHAS = [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), 1, 2, 3, 4, 5]


@pytest.mark.parametrize("alpha", ALPHAS, ids=str)
@pytest.mark.parametrize("reuse", [1, 3])
def test_every_width(alpha: Fraction | int, reuse: int) -> None:
    for image_channels, classes in ((3, 10), (1, 47)):
        arch = lrunet(reuse, alpha)
        shape = (image_channels, 32, 32)
        cost = cost_of(arch, input_shape=shape, num_classes=classes)
        assert cost.params == closed_form(reuse, alpha, image_channels, classes)
        model = build_model(arch, in_channels=image_channels, num_classes=classes)
        assert measure_cost(model, input_shape=shape) == cost


def test_a_width_that_the_groups_do_not_divide_is_refused() -> None:
    with pytest.raises(IllegalArchitecture, match="groups 8 does not divide 12 channels"):
        cost_of(lrunet(1, Fraction(3, 16)), input_shape=CIFAR, num_classes=10)


def test_an_image_of_one_pixel_costs_what_torch_makes_of_it() -> None:
    cost = cost_of(lrunet(1), input_shape=(3, 1, 1), num_classes=10)
    model = build_model(lrunet(1), in_channels=3, num_classes=10)

    assert cost == measure_cost(model, input_shape=(3, 1, 1))
