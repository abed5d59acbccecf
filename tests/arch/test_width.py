"""Width multiplier and resolution: the papers' counts, one form, and what every reader sees."""

from __future__ import annotations

import pytest
import torch

from nas.arch import describe, summarize
from nas.arch._width import scaled_channels
from nas.cost import cost_of, measure_cost
from nas.errors import IllegalArchitecture
from nas.latency import Workload
from nas.model import build_model
from nas.space import dump_architecture, load_architecture, parse_space


@pytest.mark.parametrize(
    ("channels", "width", "expected"),
    [
        (32, 0.25, (8, 8, 8)),
        (24, 0.25, (8, 8, 6)),
        (64, 0.4, (24, 25, 25)),
        (16, 0.35, (8, 8, 5)),
        (100, 0.29, (32, 29, 29)),  # 29 in binary falls just short of itself
        (96, 1.4, (136, 134, 134)),
        (1, 0.01, (8, 8, 1)),
    ],
)
def test_rounding(channels: int, width: float, expected: tuple[int, int, int]) -> None:
    rules = ("multiple_of_8", "at_least_8", "whole")
    assert tuple(scaled_channels(channels, width, rule) for rule in rules) == expected  # type: ignore[arg-type]


# lrunet_mobilenetv1.md, B2 and B5: counts of the published code.
@pytest.mark.parametrize(
    ("width", "params", "macs"),
    [
        (1.0, 4_231_976, 568_740_352),
        (0.75, 2_585_560, 325_400_448),
        (0.5, 1_331_592, 149_497_088),
        (0.25, 470_072, 41_030_272),
    ],
)
def test_mobilenet_v1_by_its_multiplier(width: float, params: int, macs: int) -> None:
    for rounding in ("multiple_of_8", "at_least_8"):
        arch = load_architecture(
            "mobilenet_v1_1.0", [f"width={width}", f"width_rounding={rounding}"]
        )
        cost = cost_of(arch, input_shape=(3, 224, 224), num_classes=1000)
        assert (cost.params, cost.macs) == (params, macs)
        assert arch.id == load_architecture(f"mobilenet_v1_{width}").id, "one network, one id"


def test_the_cifar_baseline_rounds_down() -> None:
    arch = load_architecture("mobilenet_v1_cifar_1.0", ["width=0.4", "width_rounding=whole"])
    cost = cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
    assert (cost.params, cost.macs) == (530_317, 9_742_586)
    assert arch.id == load_architecture("mobilenet_v1_cifar_0.4").id


@pytest.mark.parametrize(
    ("side", "macs"), [(192, 418_121_728), (160, 290_675_200), (128, 186_400_768)]
)
def test_mobilenet_v1_by_its_resolution(side: int, macs: int) -> None:
    arch = load_architecture("mobilenet_v1_1.0", [f"resolution={side}"])
    assert cost_of(arch, input_shape=(3, 224, 224), num_classes=1000).macs == macs
    assert arch.id != load_architecture("mobilenet_v1_1.0").id
    assert f'"resolution":{side}' in arch.canonical_json


SPACE = """\
stem: {conv: {channels: 16}}
width: {choice: [0.5, 1, 2]}
resolution: {choice: [14, 20, 28]}
stages:
  - {channels: 32, block: separable}
head: {mobilenet_v3: {hidden: 64}}
"""


def test_both_are_one_gene_each() -> None:
    space = parse_space(SPACE, source="f.yaml", name="f")
    assert [gene.name for gene in space.genes] == ["width", "resolution"]
    assert space.num_settings == 9
    small, large = space.decode((0, 0)), space.decode((2, 2))
    assert [stage.channels for stage in small.scaled.stages] == [16]
    assert (small.scaled.stem.channels, large.scaled.stem.channels) == (8, 32)
    assert (small.scaled.head.hidden, large.scaled.head.hidden) == (32, 128)  # type: ignore[attr-defined]
    assert len({space.decode((w, r)).id for w in range(3) for r in range(3)}) == 9
    assert summarize(small).startswith("14 px > 8 > 16 ")


@pytest.mark.parametrize("genome", [(0, 0), (1, 1), (2, 2)])
def test_costs_model_and_written_file_agree(genome: tuple[int, int]) -> None:
    arch = parse_space(SPACE, source="f.yaml", name="f").decode(genome)
    image = (1, 28, 28)
    seen = arch.input_shape(image)
    assert seen[1] == arch.resolution
    model = build_model(arch, in_channels=1, num_classes=10).eval()
    assert measure_cost(model, input_shape=seen) == cost_of(
        arch, input_shape=image, num_classes=10
    )
    assert Workload(arch=arch, input_shape=image, num_classes=10).input_shape == seen
    again = parse_space(dump_architecture(arch), source="g.yaml", name="g").decode(())
    assert (again.id, describe(again) == describe(arch)) == (arch.id, True)


def test_a_network_shrinks_larger_images_and_no_others() -> None:
    arch = parse_space(SPACE, source="f.yaml", name="f").decode((0, 1))
    model = build_model(arch, in_channels=1, num_classes=10).eval()
    shapes: list[torch.Size] = []
    model.stem.register_forward_hook(lambda module, given, out: shapes.append(given[0].shape))
    with torch.inference_mode():
        for side in (28, 20, 12):
            model(torch.rand(2, 1, side, 2 * side))
    assert shapes == [(2, 1, 20, 40), (2, 1, 20, 40), (2, 1, 12, 24)]


def test_images_are_not_enlarged() -> None:
    arch = load_architecture("lrunet_1_1x", ["resolution=64"])
    with pytest.raises(IllegalArchitecture, match="resolution: 64 pixels, and the images have 32"):
        cost_of(arch, input_shape=(3, 32, 32), num_classes=10)


def test_nothing_said_is_nothing_written() -> None:
    told = describe(load_architecture("lrunet_1_1x"))
    assert not {"width", "width_rounding", "resolution"} & set(told)
