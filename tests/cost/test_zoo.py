"""The zoo: every model file has the parameters and MACs that its own header prints."""

from __future__ import annotations

import re

import pytest

from nas.cost import cost_of
from nas.space import catalogue, load_architecture

ZOO = {name: path for name, path in catalogue().items() if path.parent.name == "zoo"}
COUNTS = re.compile(
    r"Counts at (\d+)x(\d+)x(\d+) with (\d+) classes: ([\d,]+) parameters,"
    r"(?: ([\d,]+) of them in the ring,)? ([\d,]+) MACs\."
)


def test_every_network_is_there() -> None:
    required = {
        *(f"lrunet_{n}_{a}x" for n in (1, 2, 4, 8, 10, 14, 16) for a in (1, 2)),
        *(f"mobilenet_v1_{alpha}" for alpha in ("1.0", "0.75", "0.5", "0.25")),
        *(f"resnet{n}{form}" for n in (18, 34) for form in ("", "_cifar", "_rpg", "_rpg_cifar")),
        *(f"mgic_resnet{n}" for n in (18, 20, 34, 50, 56, 101)),
        *(f"mgic_mobilenetv3_{size}" for size in ("large", "small")),
        *(f"vgnet{v}_{s}mp" for v in "gc" for s in ("1.0", "1.5", "2.0", "2.5", "5.0")),
        *(f"vgnetg_{s}mp_se" for s in ("1.0", "1.5", "2.0", "2.5", "5.0")),
        "vgnetf_1.5mp",
        "vgnete_1.5mp",
    }
    assert required <= ZOO.keys()


@pytest.mark.parametrize("name", ZOO)
def test_counts_are_those_of_the_header(name: str) -> None:
    header = " ".join(
        line[2:] for line in ZOO[name].read_text().splitlines() if line.startswith("# ")
    )
    (found,) = COUNTS.findall(header)
    *image, classes, params, ring, macs = (int(text.replace(",", "") or 0) for text in found)
    arch = load_architecture(name)
    cost = cost_of(arch, input_shape=tuple(image), num_classes=classes)
    assert (cost.params, cost.ring_params, cost.macs) == (params, ring, macs)
    assert arch.name == name


@pytest.mark.parametrize(
    ("name", "settings", "pixels", "classes", "params"),
    [
        ("mgic_resnet20", {"group_size": 4, "threshold": 8}, 32, 10, 54_106),
        ("mgic_resnet20", {"group_size": 32, "threshold": 32}, 32, 10, 284_410),
        ("mgic_resnet56", {"group_size": 16, "threshold": 32}, 32, 10, 498_682),
        ("mgic_resnet18", {"group_size": 16}, 224, 1000, 1_680_808),
        ("mgic_resnet18", {"group_size": 64, "threshold": 64}, 224, 1000, 4_747_688),
        ("mgic_resnet34", {"group_size": 8, "threshold": 16}, 224, 1000, 1_704_104),
        ("mgic_resnet50", {"group_size": 64, "threshold": 64}, 224, 1000, 16_303_144),
        ("mgic_mobilenetv3_large", {"group_size": 64, "threshold": 64}, 224, 1000, 5_026_520),
        ("mgic_mobilenetv3_large_cifar", {"group_size": 8, "threshold": 16}, 224, 1000, 3_993_791),
        ("mgic_mobilenetv3_small_cifar", {}, 224, 1000, 2_170_560),
    ],
)
def test_group_size_and_threshold_are_set_without_a_new_file(
    name: str, settings: dict[str, int], pixels: int, classes: int, params: int
) -> None:
    kind = next(kind for kind in KINDS if f"{{{kind}:" in ZOO[name].read_text())
    sets = [f"stages.*.block.{kind}.{key}={value}" for key, value in settings.items()]
    arch = load_architecture(name, sets)
    cost = cost_of(arch, input_shape=(3, pixels, pixels), num_classes=classes)
    assert cost.params == params


KINDS = ("mgic_basic", "mgic_bottleneck", "mgic_mobile")


def test_vgnet_for_small_images_and_of_the_later_code() -> None:
    small = ["stem.conv.stride=1", "stages.0.stride=1"]
    arch = load_architecture("vgnetg_1.5mp", small)
    cost = cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
    assert (cost.params, cost.macs) == (994_442, 58_512_384)
    late = [
        "stem.conv.activation=silu",
        "stages.*.activation=silu",
        "stages.*.transition.vgnet_downsampling.kernels=gaussian_positive",
        "head.vgnet.activation=silu",
        "head.vgnet.chunks=1",
    ]
    arch = load_architecture("vgnetg_1.0mp", late)
    assert cost_of(arch, input_shape=(3, 224, 224), num_classes=1000).params == 1_000_256
