from __future__ import annotations

import pytest
import torch

from nas.inspect import build_untrained
from nas.inspect._depthwise import KernelLayer, depthwise_layers, label_shares
from nas.inspect._groups import kernel_groups
from nas.inspect._parts import placed_parts
from nas.sharing import materialize
from tests.inspect.conftest import FAMILIES, network_of, noise_images


def layers_of(family: str) -> tuple[KernelLayer, ...]:
    arch, data = network_of(FAMILIES[family]), noise_images()
    network = build_untrained(arch, data)
    return depthwise_layers(network, placed_parts(arch, network, in_channels=1, num_classes=2))


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        # Half of 16 and of 32 channels are filtered; 8 chunks share 32 / 8 kernels.
        (
            "vgnet",
            [
                ("body.0.filters", 8, 3, 2, True),
                ("body.1.filters", 8, 3, 1, False),
                ("body.2.filters", 8, 3, 1, False),
                ("body.3.filters", 16, 3, 2, False),
                ("body.4.filters", 16, 3, 1, True),
                ("head.filters", 4, 3, 1, False),
            ],
        ),
        # LruNet's filters make two outputs of each channel.
        ("lru", [("body.1.depthwise", 32, 3, 1, False)]),
        (
            "mobile",
            [
                ("body.0.filters", 16, 5, 2, False),
                ("body.1.filters", 32, 5, 1, False),
                ("body.2.depthwise", 16, 3, 1, False),
            ],
        ),
        ("plain", []),
        ("ring", [("body.0.depthwise", 8, 3, 2, False), ("body.1.depthwise", 16, 3, 1, False)]),
        # Applied three times, but one set of kernels.
        (
            "duplicate",
            [("body.0.depthwise", 8, 3, 2, False), ("body.1.0.depthwise", 16, 3, 1, False)],
        ),
    ],
)
def test_every_depthwise_layer_is_found_and_no_other(
    family: str, expected: list[tuple[str, int, int, int, bool]]
) -> None:
    found = [
        (layer.name, len(layer.kernels), layer.kernels.shape[-1], layer.stride, layer.fixed)
        for layer in layers_of(family)
    ]
    assert found == expected


def test_layers_of_one_part_are_named_apart() -> None:
    titles = [layer.title for layer in layers_of("mgic")]
    assert len(titles) > 1
    assert len(set(titles)) == len(titles)
    assert all(title.startswith("block 1 ") for title in titles)


def test_kernels_of_rings_are_those_that_the_layers_use() -> None:
    arch, data = network_of(FAMILIES["ring"]), noise_images()
    network = build_untrained(arch, data)
    parts = placed_parts(arch, network, in_channels=1, num_classes=2)
    read = depthwise_layers(network, parts)

    materialize(network)

    for layer in read:
        weight = network.get_submodule(layer.name).weight
        assert isinstance(weight, torch.Tensor)
        torch.testing.assert_close(layer.kernels, weight.detach()[:, 0], rtol=0, atol=0)


def test_shares_count_kernels_over_all_layers() -> None:
    fixed = [layer for layer in layers_of("vgnet") if layer.fixed]
    # 8 Gaussians, and 16 channels of six edges and two Gaussians.
    assert label_shares(fixed) == {
        "identity": 0.0,
        "gaussian": 12 / 24,
        "edge": 12 / 24,
        "other": 0.0,
    }
    assert set(label_shares([]).values()) == {0.0}


def test_groups_are_sections_roles_and_strides() -> None:
    assert [
        (group.section, group.title, group.num_kernels, group.fixed)
        for group in kernel_groups(layers_of("vgnet"))
    ] == [
        ("stage 1", "transition, stride 2", 8, True),
        ("stage 1", "blocks", 16, False),
        ("stage 2", "transition, stride 2", 16, False),
        ("stage 2", "blocks", 16, True),
        ("head", "head", 4, False),
    ]
    assert [group.title for group in kernel_groups(layers_of("mobile"))] == [
        "blocks, stride 2",
        "blocks",
        "blocks",
    ]
