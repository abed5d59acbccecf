"""Networks that compute the same to the bit, at the same cost, have one id: found by outputs.

Of random settings, those of equal costs are built with weights that follow from the order of
their layers alone, and compared by their logits.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from nas.arch import Architecture
from nas.cost import cost_of
from nas.errors import IllegalArchitecture
from nas.space import load_architecture, parse_space
from tests.model.twins import (
    outcome,
    outcome_for_all_images,
    small_networks,
    small_rings,
    small_units,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nas.space import SearchSpace


def of_equal_cost(space: SearchSpace, draws: int) -> list[list[Architecture]]:
    """Random networks with different ids, by cost; those without a partner left out."""
    rng = random.Random(0)
    groups: dict[object, dict[str, Architecture]] = defaultdict(dict)
    for _ in range(draws):
        arch = space.decode(space.random_genome(rng))
        try:
            cost = cost_of(arch, input_shape=(2, 16, 16), num_classes=3)
            groups[cost.params, cost.macs, cost.peak_activation_bytes][arch.id] = arch
        except IllegalArchitecture:
            continue
    return [list(group.values()) for group in groups.values() if len(group) > 1]


def assert_ids_are_outcomes(archs: Iterable[Architecture]) -> None:
    ids: dict[object, str] = {}
    for arch in archs:
        assert ids.setdefault(outcome_for_all_images(arch), arch.id) == arch.id, arch


@pytest.mark.parametrize(
    ("draws", "networks"),
    [(2500, 40), pytest.param(60_000, 3000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
def test_networks_of_equal_cost(draws: int, networks: int) -> None:
    pairs = [arch for group in of_equal_cost(small_networks(), draws) for arch in group]
    assert len(pairs) > 10
    assert_ids_are_outcomes(pairs[:networks])


@pytest.mark.parametrize(
    ("draws", "networks"),
    [(8000, 60), pytest.param(150_000, 4000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
def test_units_of_equal_cost(draws: int, networks: int) -> None:
    pairs = [arch for group in of_equal_cost(small_units(), draws) for arch in group]
    assert len(pairs) > 10
    assert_ids_are_outcomes(pairs[:networks])


@pytest.mark.parametrize(
    ("draws", "networks"),
    [(300, 80), pytest.param(6000, 2000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
def test_rings_of_equal_size(draws: int, networks: int) -> None:
    groups = of_equal_cost(small_rings(), draws)
    assert_ids_are_outcomes([arch for group in groups for arch in group][:networks])


# -- the kinds that there are ----------------------------------------------------------------


def network(stem: str, *stages: str) -> Architecture:
    listed = "".join(f"  - {{{stage}}}\n" for stage in stages)
    written = stem if stem == "none" else f"{{{stem}}}"
    text = f"stem: {written}\nstages:\n{listed}head: gap_linear\n"
    return parse_space(text, source="twin.yaml", name="twin").decode(())


CONV = "conv: {channels: 8, stride: 1}"
POOL = "channels: 8, stride: 2, depth: 0, transition: maxpool_concat, block: conv"
TWINS = {
    "a ResNet's stem is a convolution and a pool": (
        network("resnet: {channels: 8, kernel: 3, stride: 1}", "channels: 8, block: conv"),
        network(CONV, POOL, "channels: 8, block: conv"),
        network(CONV, "channels: 8, stride: 2, transition: maxpool_concat, block: conv"),
    ),
    "and a pool that widens is LruNet's": (
        network(CONV, "channels: 16, stride: 2, transition: maxpool_concat, block: conv"),
        network(
            "resnet: {channels: 8, kernel: 3, stride: 1}",
            "channels: 16, transition: maxpool_concat, block: conv",
        ),
        network(CONV, POOL, "channels: 16, transition: maxpool_concat, block: conv"),
    ),
    "a separable block is two convolutions": (
        network(CONV, "channels: 16, stride: 2, block: {separable: {kernel: 5, groups: 2}}"),
        network(
            CONV,
            "channels: 8, stride: 2, block: {conv: {kernel: 5, groups: 8}}",
            "channels: 16, block: {conv: {kernel: 1, groups: 2}}",
        ),
        network(
            CONV,
            "channels: 8, stride: 2, depth: 0, transition: {conv: {kernel: 5, groups: 8}}, "
            "block: conv",
            "channels: 16, transition: {conv: {kernel: 1, groups: 2}}, depth: 0, block: conv",
        ),
    ),
    "MGIC's block that widens is a convolution and a cycle": (
        network(CONV, "channels: 16, stride: 2, depth: 2, block: {mgic_basic: {group_size: 4}}"),
        network(
            CONV,
            "channels: 16, stride: 2, depth: 2, transition: {conv: {groups: 8}}, "
            "block: {mgic_basic: {group_size: 4}}",
        ),
    ),
    "a separable convolution of any kernel and order is two convolutions": (
        network(CONV, "channels: 16, stride: 2x1, block: {separable: {kernel: 4x3, norm: none}}"),
        network(
            CONV,
            "channels: 8, stride: 2x1, block: {conv: {kernel: 4x3, groups: 8, norm: none}}",
            "channels: 16, block: {conv: {kernel: 1, norm: none}}",
        ),
    ),
    "also where one of them is the usual one": (
        network(CONV, "channels: 16, block: {separable: {pool: 2}}"),
        network(
            CONV,
            "channels: 8, block: {conv: {groups: 8}}",
            "channels: 16, block: {conv: {kernel: 1, pool: 2}}",
        ),
    ),
    "and of large kernels": (
        network(CONV, "channels: 16, block: {separable: {kernel: 9}}"),
        network(
            CONV,
            "channels: 8, block: {conv: {kernel: 9, groups: 8}}",
            "channels: 16, block: {conv: {kernel: 1}}",
        ),
    ),
    "three convolutions of which any two are separable": (
        network(
            CONV,
            "channels: 8, block: {conv: {groups: 8}}",
            "channels: 16, block: {separable: {kernel: 1}}",
        ),
        network(
            CONV,
            "channels: 8, block: {separable: {groups: 8}}",
            "channels: 16, block: {conv: {kernel: 1}}",
        ),
    ),
    "and in other orders": (
        network(
            CONV,
            "channels: 8, block: {conv: {groups: 8, order: conv_act_norm}}",
            "channels: 16, block: {separable: {kernel: 1, order: conv_act_norm}}",
        ),
        network(
            CONV,
            "channels: 8, block: {separable: {groups: 8, order: conv_act_norm}}",
            "channels: 16, block: {conv: {kernel: 1, order: conv_act_norm}}",
        ),
    ),
    "without a stem the first convolution is one": (
        network(CONV, "channels: 16, stride: 2, transition: maxpool_concat, block: conv"),
        network(
            "none",
            "channels: 8, block: conv",
            "channels: 16, stride: 2, transition: maxpool_concat, block: conv",
        ),
    ),
    "also in VGNet's order": (
        network("conv: {channels: 8, order: conv_act_norm}", "channels: 8, depth: 0"),
        network("none", "channels: 8, stride: 2, block: {conv: {order: conv_act_norm}}"),
    ),
    "and a separable one": (
        network("separable: {channels: 8, stride: 1}", "channels: 8, block: conv"),
        network("none", "channels: 8, block: separable", "channels: 8, block: conv"),
    ),
    "also where nothing else is before": (
        network(
            "none",
            "channels: 2, stride: 2, depth: 0, transition: maxpool_concat",
            "channels: 4, depth: 0, transition: maxpool_concat",
        ),
        network(
            "none",
            "channels: 2, depth: 0, transition: maxpool_concat",
            "channels: 4, stride: 2, depth: 0, transition: maxpool_concat",
        ),
    ),
    "upsampling by 1 is its convolution": (
        network(CONV, "channels: 4, depth: 0, transition: {upsample: {factor: 1}}"),
        network(CONV, "channels: 4, depth: 0, transition: {conv: {kernel: 1}}"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", TWINS)
def test_twins_are_one_network(kind: str) -> None:
    twins = TWINS[kind]
    assert len({arch.id for arch in twins}) == 1
    assert len({arch.calls(in_channels=2, num_classes=3) for arch in twins}) == 1
    assert len({outcome(arch) for arch in twins}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # An activation between, a stride of the pointwise convolution, another pool: not the same.
        (
            network(CONV, "channels: 8, block: separable"),
            network(
                CONV,
                "channels: 8, activation: silu, block: {conv: {groups: 8}}",
                "channels: 8, block: {conv: {kernel: 1}}",
            ),
        ),
        (
            network(CONV, "channels: 8, stride: 2, block: separable"),
            network(
                CONV,
                "channels: 8, block: {conv: {groups: 8}}",
                "channels: 8, stride: 2, block: {conv: {kernel: 1}}",
            ),
        ),
        (
            network("resnet: {channels: 8, kernel: 3, stride: 1}", "channels: 8, block: conv"),
            network(
                "conv: {channels: 8, stride: 1, order: conv_act_norm}",
                POOL,
                "channels: 8, block: conv",
            ),
        ),
        # Two PReLUs with a slope each, and one for both; equal at 3 image channels alone.
        (
            network(CONV, "channels: 16, activation: prelu, block: separable"),
            network(
                CONV,
                "channels: 8, activation: prelu, block: {conv: {groups: 8}}",
                "channels: 16, activation: prelu, block: {conv: {kernel: 1}}",
            ),
        ),
        (
            network("none", "channels: 3, transition: maxpool_concat, block: conv"),
            network("none", "channels: 3, block: conv"),
        ),
    ],
)
def test_near_twins_are_two(one: Architecture, other: Architecture) -> None:
    assert one.id != other.id


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v1_cifar_0.25", "lrunet_4_1x"])
def test_published_networks_keep_their_own_form(name: str) -> None:
    names = [one.name for one in load_architecture(name).calls(in_channels=3, num_classes=10)]
    assert {"resnet18": "ResnetStem", "lrunet_4_1x": "MaxPoolConcat"}.get(
        name, "SeparableBlock"
    ) in names
