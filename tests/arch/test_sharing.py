"""The plan of parameter rings: RPG's published counts, scopes, sizes, and what stays private."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nas.arch import Architecture, Sharing, Stage, describe
from nas.cost import cost_of
from nas.errors import IllegalArchitecture
from nas.families.lru.options import Lru, LruHead, MaxPoolConcat
from nas.families.plain.options import Conv, ConvStem, ConvTransition, GapLinear
from nas.families.residual.options import Residual, ResnetStem
from nas.families.vgnet.options import HalfIdentity, VgnetDownsampling
from tests.arch.ringed import FIRST, SECOND, rings, small

IMAGENET: dict[str, Any] = {"input_shape": (3, 224, 224), "num_classes": 1000}
RESNET_18, RESNET_34 = (2, 2, 2, 2), (3, 4, 6, 3)
T_18, T_34 = 11_157_504, 21_258_240


def resnet(depths: tuple[int, ...], **sharing: Any) -> Architecture:
    widths = (64, 128, 256, 512)
    return Architecture(
        name="resnet",
        stem=ResnetStem(channels=64),
        stages=tuple(
            Stage(channels=width, depth=depth, stride=1 if width == 64 else 2, block=Residual())
            for width, depth in zip(widths, depths, strict=True)
        ),
        head=GapLinear(),
        sharing=Sharing(**sharing),
    )


# -- rpg.md, section 5 -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depths", "ring", "trained"),
    [
        (RESNET_18, 2_359_296, 2_891_304),
        (RESNET_34, 46_080, 585_512),
        (RESNET_34, 2_359_296, 2_898_728),
        (RESNET_34, 11_160_576, 11_700_008),
    ],
)
def test_published_ring_sizes(depths: tuple[int, ...], ring: int, trained: int) -> None:
    cost = cost_of(resnet(depths, scope="network", ring=ring), **IMAGENET)
    assert (cost.ring_params, cost.params) == (ring, trained)
    assert cost.macs == cost_of(resnet(depths), **IMAGENET).macs


@pytest.mark.parametrize(
    ("depths", "layers", "weights", "private"),
    [
        (RESNET_18, 19, T_18, 9_408 + 9_600 + 513_000),
        (RESNET_34, 35, T_34, 9_408 + 17_024 + 513_000),
    ],
)
def test_generated_and_private_weights(
    depths: tuple[int, ...], layers: int, weights: int, private: int
) -> None:
    arch = resnet(depths, scope="network", ratio=1.0)
    (ring,) = rings(arch)
    assert (len(ring.kernels), ring.size) == (layers, weights)
    cost = cost_of(arch, **IMAGENET)
    assert cost.params - cost.ring_params == private


def test_the_rings_of_stages_have_the_size_of_stages() -> None:
    sizes = {
        depths: [ring.size for ring in rings(resnet(depths, scope="stage", ratio=1.0))]
        for depths in (RESNET_18, RESNET_34)
    }
    assert sizes[RESNET_18] == [147_456, 524_288, 2_097_152, 8_388_608]
    assert sizes[RESNET_34] == [221_184, 1_114_112, 6_815_744, 13_107_200]


def test_scales_are_those_of_the_code() -> None:
    (ring,) = rings(resnet(RESNET_18, scope="network", ring=2_359_296))
    by_kernel = dict(zip(ring.kernels, ring.scales, strict=True))
    # 0 is the stem; 5, 10 and 15 are the shortcuts, which come first in their blocks.
    values = [by_kernel[(i,)] for i in (1, 5, 6, 10, 11, 15, 16, 19)]
    assert values == pytest.approx([8**0.5, 6, 2, 18**0.5, 2**0.5, 3, 1, 1])
    assert ring.std == pytest.approx(0.020833, abs=1e-6)


@pytest.mark.parametrize(
    ("depths", "ring", "inputs"),
    [(RESNET_18, 2_359_296, 3_840), (RESNET_34, 46_080, 7_552), (RESNET_34, 11_160_576, 7_552)],
)
def test_gradient_inflation_in_closed_form(
    depths: tuple[int, ...], ring: int, inputs: int
) -> None:
    inflation = 4608 * inputs / ring
    (full,) = rings(resnet(depths, scope="network", ring=ring, gradient_scale="full"))
    (sqrt,) = rings(resnet(depths, scope="network", ring=ring, gradient_scale="sqrt"))
    assert 1 / full.gradient_factor == pytest.approx(inflation)
    assert 1 / sqrt.gradient_factor == pytest.approx(inflation**0.5)


def test_inflation_of_resnet_18_is_7_5() -> None:
    (ring,) = rings(resnet(RESNET_18, scope="network", ring=2_359_296, gradient_scale="full"))
    assert ring.gradient_factor == pytest.approx(1 / 7.5)


# -- scopes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "kernels"),
    [
        ("layer", [[(1,)], [(2,)], [(3,)], [(4,)], [(5,)], [(6,)], [(7,)], [(8,)]]),
        ("stage", [[(1,), (2,), (3,), (4,)], [(5,), (6,), (7,), (8,)]]),
        ("subnet", [[(1,)], [(2,), (3,), (4,)], [(5,)], [(6,), (7,), (8,)]]),
        ("network", [[(1,), (2,), (3,), (4,), (5,), (6,), (7,), (8,)]]),
    ],
)
def test_scopes(scope: str, kernels: list[list[tuple[int, ...]]]) -> None:
    plan = rings(small(scope=scope, ratio=0.5))
    assert [list(ring.kernels) for ring in plan] == kernels


def test_identical_repeats_read_the_same_kernel() -> None:
    plan = rings(small(scope="subnet", ratio=1.0, repeat="identical"))
    assert [list(ring.kernels) for ring in plan] == [[(1,)], [(2, 3, 4)], [(5,)], [(6, 7, 8)]]
    assert [ring.size for ring in plan] == [64, 576, 128, 2304]


def test_a_ring_is_split_in_proportion_to_the_weights() -> None:
    plan = rings(small(scope="stage", ring=1000))
    total = FIRST + SECOND
    assert [ring.size for ring in plan] == [
        round(1000 * FIRST / total),
        round(1000 * SECOND / total),
    ]


SCOPES = ("layer", "block", "stage", "subnet", "network")


@pytest.mark.parametrize("hash_", ["element", "block"])
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("repeat", ["different", "identical"])
@pytest.mark.parametrize("ring", [8, 9, 500, 1000, 1001, 4711, FIRST + SECOND, 12_345])
def test_a_ring_has_as_many_scalars_as_it_says(
    scope: str, hash_: str, repeat: str, ring: int
) -> None:
    """They were up to 6 more or fewer, and up to 471 with blocks."""
    arch = small(scope=scope, ring=ring, hash=hash_, repeat=repeat)
    plan = rings(arch)
    assert sum(one.size for one in plan) == ring
    assert min(one.size for one in plan) >= 1
    assert cost_of(arch, input_shape=(3, 32, 32), num_classes=10).ring_params == ring
    if hash_ == "block":
        assert sum(one.size % 64 != 0 for one in plan if one.size >= 64) <= 1


def test_ratios_round_down_to_multiples_of_64_in_blocks() -> None:
    plan = rings(small(scope="stage", ratio=0.3, hash="block"))
    assert [one.size for one in plan] == [
        round(0.3 * total) // 64 * 64 for total in (FIRST, SECOND)
    ]


def test_rings_too_small_for_blocks_scatter_elements() -> None:
    (ring,) = rings(small(scope="network", ring=50, hash="block"))
    assert (ring.size, ring.block) == (50, 1)


# -- what stays private ----------------------------------------------------------------------


def joined(arch: Architecture) -> list[int]:
    return [i for ring in rings(arch) for group in ring.kernels for i in group]


@pytest.mark.parametrize(
    ("private", "positions"),
    [
        (("head",), [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (("stem", "classifier"), [1, 2, 3, 4, 5, 6, 7, 8]),
        (("stem",), [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (("stem", "head", "transition"), [2, 3, 4, 6, 7, 8]),
        (("stem", "head", "spatial"), [1, 5]),
        (("stem", "head", "pointwise"), [2, 3, 4, 6, 7, 8]),
    ],
)
def test_private_parts_and_kinds(private: tuple[Any, ...], positions: list[int]) -> None:
    assert joined(small(scope="network", ratio=0.5, private=private)) == positions


def test_depthwise_and_attention_can_stay_private() -> None:
    arch = Architecture(
        name="x",
        stem=ConvStem(channels=8),
        stages=(
            Stage(
                channels=16,
                stride=2,
                transition=VgnetDownsampling(kernels="learned"),
                block=HalfIdentity(se=True),
            ),
        ),
        head=GapLinear(),
    )
    # 1 depthwise, 2 pointwise; then the block: 3 depthwise, 4 pointwise, 5 and 6 attention.
    for private, positions in [((), [1, 2, 3, 4, 5, 6]), (("depthwise", "attention"), [2, 4])]:
        sharing = Sharing(scope="network", ratio=0.5, private=("stem", "head", *private))
        assert joined(replace(arch, sharing=sharing)) == positions


def test_the_classifier_may_be_a_convolution() -> None:
    arch = replace(small(block=Lru(reuse=2), scope="network", ratio=0.5), head=LruHead(groups=1))
    everything = joined(replace(arch, sharing=replace(arch.sharing, private=("stem",))))
    but_one = joined(replace(arch, sharing=replace(arch.sharing, private=("stem", "classifier"))))
    assert everything[:-1] == but_one


def test_a_reused_layer_is_one_kernel() -> None:
    arch = small(block=Lru(reuse=4), depth=1, stages=1, scope="network", ratio=1.0)
    assert joined(arch) == [1, 2, 3]


# -- several at once, and of a stage ---------------------------------------------------------


def lru_between(*sharing: Sharing, stage: Sharing | None = None) -> Architecture:
    """0 stem; 1 transition; 2 depthwise, 3 pointwise of an LRU stage; 4, 5 convs; 6 classifier."""
    return Architecture(
        name="x",
        stem=ConvStem(channels=8),
        stages=(
            Stage(
                channels=8,
                stride=2,
                transition=ConvTransition(),
                block=Lru(reuse=2, groups=1),
                sharing=stage,
            ),
            Stage(channels=8, depth=2, block=Conv()),
        ),
        head=GapLinear(),
        sharing=sharing or Sharing(),
    )


def by_ring(arch: Architecture) -> list[tuple[int, list[int]]]:
    return [(one.size, [i for group in one.kernels for i in group]) for one in rings(arch)]


def test_only_the_pointwise_kernels_of_the_lru_stage() -> None:
    stage = Sharing(scope="stage", ring=30, kinds=("pointwise",))
    arch = lru_between(stage=stage)
    assert by_ring(arch) == [(30, [3])]
    dense = cost_of(arch.without_rings(), input_shape=(3, 32, 32), num_classes=10)
    cost = cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
    assert dense.params - cost.params == 128 - 30
    assert describe(arch)["stages"][0]["sharing"] == {
        "scope": "stage",
        "ring": 30,
        "kinds": ["pointwise"],
    }


def test_a_stage_comes_first_and_the_network_takes_the_rest() -> None:
    arch = lru_between(Sharing(scope="network", ring=100), stage=Sharing(scope="layer", ratio=0.5))
    assert by_ring(arch) == [(288, [1]), (72, [2]), (64, [3]), (100, [4, 5])]
    assert len({one.seed for one in rings(arch)}) == 4, "no two rings read alike"


def test_a_stage_may_keep_weights_of_its_own() -> None:
    arch = lru_between(Sharing(scope="network", ring=100), stage=Sharing())
    assert by_ring(arch) == [(100, [4, 5])]
    assert describe(arch)["stages"][0]["sharing"] == {"scope": "none"}


def test_several_rings_of_given_sizes_by_kind() -> None:
    arch = lru_between(
        Sharing(scope="network", ring=50, kinds=("depthwise", "pointwise")),
        Sharing(scope="network", ring=200, kinds=("spatial",)),
        Sharing(scope="network", ratio=0.5, private=("stem",)),
    )
    assert by_ring(arch) == [(50, [2, 3]), (200, [1, 4, 5]), (40, [6])]


def test_one_sharing_in_a_list_is_that_sharing() -> None:
    sharing = Sharing(scope="stage", ratio=0.5)
    alone, listed = lru_between(), lru_between(sharing)
    assert replace(alone, sharing=sharing).id == listed.id


# -- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "neither ring nor ratio"),
        ({"ring": 10, "ratio": 0.5}, "ring 10 and ratio 0.5; give exactly one"),
        ({"ring": 0}, r"sharing\.ring: 0 scalars for 1 rings; use at least 1"),
        ({"ring": 7, "scope": "layer"}, r"sharing\.ring: 7 scalars for 8 rings; use at least 8"),
        ({"ratio": 0.0}, r"sharing\.ratio: 0 of the weights; use more than 0 and at most 4"),
        ({"ratio": 4.5}, r"sharing\.ratio: 4\.5 of the weights; use more than 0 and at most 4"),
    ],
)
def test_ring_sizes_that_cannot_be(options: dict[str, Any], message: str) -> None:
    arch = small(**{"scope": "network", **options})
    with pytest.raises(IllegalArchitecture, match=message):
        cost_of(arch, input_shape=(3, 32, 32), num_classes=10)
    with pytest.raises(IllegalArchitecture, match=message):
        _ = arch.id


def test_the_ring_hard_coded_in_the_papers_script_is_larger_than_what_it_generates() -> None:
    # rpg.md, section 9: 2422 x 4608 scalars are more than ResNet-18 generates.
    arch = resnet(RESNET_18, scope="network", ring=11_160_576)
    (ring,) = rings(arch)
    assert ring.size == 11_160_576 > T_18
    assert cost_of(arch, **IMAGENET).params == 11_160_576 + 9_408 + 9_600 + 513_000


def test_nothing_to_share() -> None:
    empty = Architecture(
        name="x",
        stem=ConvStem(channels=8),
        stages=(Stage(channels=16, depth=0, stride=2, transition=MaxPoolConcat(), block=Conv()),),
        head=GapLinear(),
        sharing=Sharing(scope="network", ratio=0.5),
    )
    assert rings(empty) == ()
    with pytest.raises(IllegalArchitecture, match="no kernel reads the 5 scalars"):
        rings(replace(empty, sharing=Sharing(scope="network", ring=5)))
