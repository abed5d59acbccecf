"""Which ways of sharing weights are one network, and which are two."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nas.arch import Architecture, Sharing, Stage, describe
from nas.cost import cost_of
from nas.families.plain.options import Conv, ConvStem, GapLinear
from tests.arch.ringed import FIRST, SECOND, rings, small


def test_nothing_shared_is_nothing_said() -> None:
    plain = small()
    assert small(scope="none", ring=7, ratio=0.5, seed=3).id == plain.id
    assert "sharing" not in describe(plain)
    assert describe(small(scope="stage", ratio=0.5))["sharing"] == {"scope": "stage", "ratio": 0.5}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (small(scope="block", ratio=0.5), small(scope="layer", ratio=0.5)),
        (small(stages=1, scope="network", ratio=0.5), small(stages=1, scope="stage", ratio=0.5)),
        (small(scope="stage", ratio=0.5), small(scope="stage", ring=(FIRST + SECOND) // 2)),
        (small(scope="layer", ratio=0.5), small(scope="layer", ratio=0.5, even="layer")),
        (small(scope="block", ratio=0.5), small(scope="block", ratio=0.5, repeat="identical")),
        (small(depth=1, scope="subnet", ratio=0.5), small(depth=1, scope="block", ratio=0.5)),
        (
            small(scope="network", ratio=0.5, permute=False, signs=False),
            small(scope="network", ratio=0.5, permute=False, signs=False, seed=5, hash="block"),
        ),
        (
            small(depth=1, stages=1, scope="layer", ratio=1.0),
            small(depth=1, stages=1, scope="layer", ratio=1.0, gradient_scale="full"),
        ),
        (
            small(scope="layer", ratio=0.5),
            small(scope="layer", ratio=0.5, scale="none"),
        ),
    ],
)
def test_sharing_alike_is_the_same_network(one: Architecture, other: Architecture) -> None:
    assert one.id == other.id


def test_sharing_differently_is_another_network() -> None:
    options: list[dict[str, Any]] = [
        {},
        {"seed": 1},
        {"ratio": 0.25},
        {"scope": "stage"},
        {"even": "layer"},
        {"permute": False},
        {"signs": False},
        {"scale": "none"},
        {"gradient_scale": "sqrt"},
        {"gradient_scale": "full"},
        {"repeat": "identical"},
        {"hash": "block"},
        {"private": ("stem",)},
        {"ratio": 1.0},  # as many scalars as a dense network, in another order and scale
        {"scope": "none"},
    ]
    ids = {small(**{"scope": "network", "ratio": 0.5, **option}).id for option in options}
    assert len(ids) == len(options)


def test_stages_matter_only_where_rings_follow_them() -> None:
    whole = small(stages=1, depth=4)
    halves = replace(
        whole,
        stages=(replace(whole.stages[0], depth=2), Stage(channels=8, depth=2, block=Conv())),
    )
    for scope, same in (("network", True), ("layer", True), ("stage", False)):
        sharing = Sharing(scope=scope, ratio=0.5)  # type: ignore[arg-type]
        ids = {replace(arch, sharing=sharing).id for arch in (whole, halves)}
        assert (len(ids) == 1) is same


# -- at other inputs -------------------------------------------------------------------------


def headed(**sharing: Any) -> Architecture:
    """The issue's example: stem, one stage of two convolutions and the classifier in one ring."""
    return Architecture(
        name="x",
        stem=ConvStem(channels=16),
        stages=(Stage(channels=16, depth=2, block=Conv()),),
        head=GapLinear(),
        sharing=Sharing(scope="network", private=(), **sharing),
    )


def test_ids_answer_for_all_inputs() -> None:
    """At 3 channels and 10 classes these two are equal, and elsewhere they are not."""
    half, given = headed(ratio=0.5), headed(ring=2600)
    assert rings(half) == rings(given)
    elsewhere = {"in_channels": 1, "num_classes": 100}
    assert half.rings(**elsewhere) != given.rings(**elsewhere)
    assert half.id != given.id
    near = headed(ratio=0.50001)
    assert rings(near) == rings(half), "equal by rounding"
    assert near.id != half.id


def test_a_ring_may_hold_a_classifier_of_any_size() -> None:
    """It was judged at 10 classes: 6,000 scalars were too many there."""
    arch = headed(ring=6000)
    cost = cost_of(arch, input_shape=(3, 32, 32), num_classes=1000)
    assert cost.ring_params == 6000
    assert arch.id


def test_ids_of_rings_that_read_no_input_stay() -> None:
    """Of the stem in a ring of a given size, too: its fan-out does not depend on the image."""
    assert "elsewhere" not in small(scope="stage", ratio=0.5).canonical_json
    stem = small(scope="network", ring=500, private=("head",))
    assert "elsewhere" not in stem.canonical_json
    assert "elsewhere" in small(scope="network", ratio=0.5, private=("head",)).canonical_json


# -- equal kernels ---------------------------------------------------------------------------


def plain_ring(**sharing: Any) -> Architecture:
    """Two equal convolutions of 576 weights in one ring, without signs."""
    return Architecture(
        name="x",
        stem=ConvStem(channels=8),
        stages=(Stage(channels=8, depth=2, block=Conv()),),
        head=GapLinear(),
        sharing=Sharing(scope="network", signs=False, **sharing),
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"ring": 1}, {"ring": 1, "permute": False}),
        ({"ring": 1}, {"ring": 1, "seed": 7, "even": "layer"}),
        ({"ring": 1, "repeat": "identical"}, {"ring": 1}),
        ({"ratio": 0.5, "permute": False}, {"ring": 576, "permute": False, "repeat": "identical"}),
        ({"ring": 576, "permute": False}, {"ring": 576, "permute": False, "even": "layer"}),
        ({"ring": 64, "hash": "block"}, {"ring": 64, "permute": False}),
        ({"ring": 50, "permute": False, "even": "layer"},
         {"ring": 50, "permute": False, "even": "layer", "repeat": "identical"}),
    ],
)  # fmt: skip
def test_rings_that_generate_the_same_kernels_are_one(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert plain_ring(**one).id == plain_ring(**other).id


def test_rings_that_do_not_are_not() -> None:
    options: list[dict[str, Any]] = [
        {"ring": 1},
        {"ring": 576},
        {"ring": 576, "permute": False},
        {"ring": 50, "permute": False},
        {"ring": 50, "permute": False, "even": "layer"},
        {"ring": 64, "hash": "block"},
        {"ring": 128, "hash": "block"},
        {"ring": 128},
    ]
    assert len({plain_ring(**option).id for option in options}) == len(options)
