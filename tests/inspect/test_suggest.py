from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from nas.inspect import Inspection, label_kernels, open_space, suggest
from nas.inspect._depthwise import KernelLayer
from nas.inspect._maps import MapChange
from nas.inspect._parts import PlacedPart, Role
from nas.layers.depthwise import EdgeBank
from nas.space import parse_space
from tests.inspect.conftest import FAMILIES, network_of

if TYPE_CHECKING:
    from nas.arch import Architecture

IDENTITY = torch.zeros(3, 3)
IDENTITY[1, 1] = 1
BLUR = torch.full((3, 3), 0.1)
EDGE = torch.tensor(EdgeBank.kernels[0]).view(3, 3)
SHIFT = IDENTITY.roll(1, 0)


def layer(kernels: dict[str, int], stage: int, role: Role = "block") -> KernelLayer:
    """Kernels by what they look like, in a block of `stage`."""
    shapes = {"identity": IDENTITY, "gaussian": BLUR, "edge": EDGE, "other": SHIFT}
    stacked = torch.stack([shapes[name] for name, count in kernels.items() for _ in range(count)])
    labels, cosines = label_kernels(stacked)
    return KernelLayer(
        section=f"stage {stage + 1}",
        stage=stage,
        role=role,
        title="block 1",
        name="body.1",
        stride=1,
        fixed=False,
        kernels=stacked,
        labels=labels,
        cosines=cosines,
    )


def change(cka: float, stage: int) -> MapChange:
    part = PlacedPart(
        section=f"stage {stage + 1}",
        stage=stage,
        role="block",
        title="block 1",
        name="body.1",
        module=nn.Identity(),
    )
    return MapChange(part=part, channels=8, copied=0.5, near=0.0, dead=0.0, cka=cka)


def seen(
    arch: Architecture, *layers: KernelLayer, changes: tuple[MapChange, ...] = ()
) -> Inspection:
    return Inspection(
        arch=arch,
        weights="by hand",
        trained=True,
        accuracy=0.5,
        images=1,
        layers=layers,
        groups=(),
        changes=changes,
        rings=(),
    )


VGNET = network_of(FAMILIES["vgnet"])
MOBILE = network_of(FAMILIES["mobile"])


def test_identity_like_kernels_suggest_the_ratio_that_they_leave_over() -> None:
    # Half of the channels skip the filters; of the others 60 % need not be filtered: 0.8 -> 0.75.
    (one,) = suggest(seen(VGNET, layer({"identity": 12, "other": 8}, stage=0)))

    assert one.path == "stages.0.block.half_identity.identity_ratio"
    assert one.choice == {"choice": [0.5, 0.75]}
    assert one.text == "stages.0.block.half_identity.identity_ratio: {choice: [0.5, 0.75]}"
    assert "60 % of 20 kernels are identity-like (threshold 25 %)" in one.because


def test_identity_like_kernels_elsewhere_suggest_half_identity_where_it_fits() -> None:
    kernels = {"identity": 12, "other": 8}
    # Stage 1 strides, which half-identity cannot; stage 2 keeps its shape.
    found = suggest(seen(MOBILE, layer(kernels, stage=0), layer(kernels, stage=1)))

    assert [one.path for one in found] == ["stages.1.block"]
    assert found[0].options == ({"half_identity": {"identity_ratio": 0.5}},)


@pytest.mark.parametrize(
    ("kernels", "options"),
    [
        ({"edge": 12, "other": 8}, ("edge",)),
        ({"edge": 12, "gaussian": 8}, ("edge", "gaussian", "edge_gaussian")),
        ({"gaussian": 12, "other": 8}, ("gaussian",)),
        ({"edge": 5, "gaussian": 5, "other": 10}, ("edge_gaussian",)),
        ({"edge": 4, "other": 16}, ()),
    ],
)
def test_kernels_like_a_bank_suggest_the_bank(
    kernels: dict[str, int], options: tuple[str, ...]
) -> None:
    found = suggest(seen(MOBILE, layer(kernels, stage=1)))
    assert [one.path for one in found] == ["stages.1.block.separable.kernels"] * bool(options)
    assert tuple(option for one in found for option in one.options) == options


def test_banks_that_a_part_does_not_know_are_left_out() -> None:
    found = suggest(seen(VGNET, layer({"gaussian": 20}, stage=0)))
    assert found == ()  # half_identity has edge and edge_gaussian
    (one,) = suggest(seen(VGNET, layer({"gaussian": 20}, stage=1, role="transition")))
    assert one.path == "stages.1.transition.vgnet_downsampling.kernels"
    assert one.choice == {"choice": ["learned", "gaussian"]}


def test_few_or_fixed_kernels_suggest_nothing() -> None:
    few = layer({"edge": 15}, stage=1)
    fixed = replace(layer({"edge": 30}, stage=1), fixed=True)
    assert suggest(seen(MOBILE, few)) == ()
    assert suggest(seen(MOBILE, fixed)) == ()


def test_untrained_weights_suggest_nothing() -> None:
    inspection = seen(MOBILE, layer({"edge": 30}, stage=1))
    assert suggest(inspection) != ()
    assert suggest(replace(inspection, trained=False)) == ()


def test_blocks_that_change_little_suggest_fewer_or_reused_ones() -> None:
    found = suggest(seen(VGNET, changes=(change(0.95, 0), change(0.93, 0), change(0.5, 1))))

    assert {one.path: one.choice["choice"] for one in found} == {
        "stages.0.depth": [2, 1],
        "stages.0.block.half_identity.reuse": [1, 2],
    }
    assert "mean CKA 0.94 (threshold 0.9)" in found[0].because


def test_much_reused_blocks_that_change_little_suggest_less_reuse() -> None:
    arch = network_of(FAMILIES["lru"])
    (one,) = suggest(seen(arch, changes=(change(0.95, 0),)))
    assert (one.path, one.choice["choice"]) == ("stages.0.block.lru.reuse", [3, 2])


def test_the_opened_space_holds_the_network_and_every_option() -> None:
    inspection = seen(
        MOBILE, layer({"identity": 6, "edge": 12, "other": 2}, stage=1), changes=(change(0.95, 0),)
    )
    found = suggest(inspection)

    space = parse_space(open_space(MOBILE, found), source="opened.yaml", name="opened")

    assert {one.path for one in found} == {
        "stages.0.depth",
        "stages.0.block.inverted.reuse",
        "stages.1.block",
        "stages.1.block.separable.kernels",
    }
    assert len(space.genes) == 4
    assert space.decode((0,) * 4).id == MOBILE.id
