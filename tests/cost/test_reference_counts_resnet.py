"""ResNet's counts on ImageNet and CIFAR, and the shares that a parameter ring would generate."""

from __future__ import annotations

import pytest

from nas.arch import Architecture, Block, Stage, trace_layers
from nas.cost import cost_of
from nas.families.plain.options import ConvStem, GapLinear
from nas.families.residual.options import Bottleneck, Residual, ResnetStem

BASIC = (64, 128, 256, 512)
WIDE = (256, 512, 1024, 2048)


def resnet(
    depths: tuple[int, ...],
    widths: tuple[int, ...] = BASIC,
    *,
    block: Block | None = None,
    cifar: bool = False,
) -> Architecture:
    """A ResNet with the 7x7 stem and max pooling, or with the 3x3 stem for CIFAR."""
    first = 64 if len(depths) == 4 else widths[0]
    return Architecture(
        name="resnet",
        stem=ConvStem(channels=first, stride=1) if cifar else ResnetStem(channels=first),
        stages=tuple(
            Stage(channels=c, depth=n, stride=1 if i == 0 else 2, block=block or Residual())
            for i, (c, n) in enumerate(zip(widths, depths, strict=True))
        ),
        head=GapLinear(),
    )


@pytest.mark.parametrize(
    ("arch", "params", "macs"),
    [
        (resnet((2, 2, 2, 2)), 11_689_512, 1_814_073_344),
        (resnet((3, 4, 6, 3)), 21_797_672, 3_663_761_408),
        (resnet((3, 4, 6, 3), WIDE, block=Bottleneck()), 25_557_032, 4_089_184_256),
        (resnet((3, 4, 23, 3), WIDE, block=Bottleneck()), 44_549_160, 7_801_405_440),
        (
            resnet((3, 4, 6, 3), WIDE, block=Bottleneck(expansion=2, groups=32)),
            25_028_904,
            4_230_479_872,
        ),
    ],
    ids=["18", "34", "50", "101", "resnext50_32x4d"],
)
def test_imagenet(arch: Architecture, params: int, macs: int) -> None:
    cost = cost_of(arch, input_shape=(3, 224, 224), num_classes=1000)
    assert (cost.params, cost.macs) == (params, macs)


@pytest.mark.parametrize(
    ("depths", "widths", "params", "macs"),
    [
        ((3, 3, 3), (16, 32, 64), 272_474, 40_813_184),
        ((9, 9, 9), (16, 32, 64), 855_770, 125_747_840),
        ((2, 2, 2, 2), BASIC, 11_173_962, 555_422_720),
        ((3, 4, 6, 3), BASIC, 21_282_122, 1_159_402_496),
    ],
    ids=["20", "56", "18", "34"],
)
def test_cifar(depths: tuple[int, ...], widths: tuple[int, ...], params: int, macs: int) -> None:
    arch = resnet(depths, widths, cifar=True)
    cost = cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
    assert (cost.params, cost.macs) == (params, macs)
    hundred = cost_of(arch, input_shape=(3, 32, 32), num_classes=100)
    assert hundred.params == params + 90 * (widths[-1] + 1)


@pytest.mark.parametrize(
    ("depths", "per_stage"),
    [
        ((2, 2, 2, 2), [147_456, 524_288, 2_097_152, 8_388_608]),
        ((3, 4, 6, 3), [221_184, 1_114_112, 6_815_744, 13_107_200]),
    ],
    ids=["18", "34"],
)
def test_convolution_weights_per_stage(depths: tuple[int, ...], per_stage: list[int]) -> None:
    sections = resnet(depths).sections(3, 1000)
    weights = []
    for _, calls in sections[1:-1]:
        traces = [trace_layers(call, (int(call.kwargs["in_channels"]), 8, 8))[0] for call in calls]
        weights.append([weight for trace in traces for weight in trace.weights])
    assert [sum(stage) for stage in weights] == per_stage
    assert sum(map(len, weights)) == 2 * sum(depths) + 3
    # The shortcut's weights come first in a block.
    assert weights[1][:3] == [64 * 128, 9 * 64 * 128, 9 * 128 * 128]
