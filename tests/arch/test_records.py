"""Architectures: what the id depends on, and what it does not."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

import nas
from nas.arch import Architecture, Stage, describe
from nas.errors import IllegalArchitecture
from nas.families.lru.options import Lru, MaxPoolConcat
from nas.families.plain.options import Conv, ConvStem, ConvTransition, GapLinear
from nas.families.separable.options import Separable, SeparableTransition
from nas.families.vgnet.options import HalfIdentity, VgnetDownsampling


def network(
    *stages: Stage, name: str = "n", channels: int = 8, dropout: float = 0.0
) -> Architecture:
    return Architecture(
        name=name,
        stem=ConvStem(channels=channels),
        stages=stages,
        head=GapLinear(dropout=dropout),
    )


LRU = Stage(channels=8, block=Lru(reuse=2))


def test_an_id_is_twelve_hex_digits_of_the_canonical_json() -> None:
    arch = network(LRU)
    assert re.fullmatch(r"[0-9a-f]{12}", arch.id)
    assert json.loads(arch.canonical_json) == [
        ["ConvNormAct", {"in_channels": 3, "out_channels": 8, "kernel": 3, "stride": 2,
                         "activation": "@nn.ReLU"}],
        ["LruBlock", {"channels": 8, "reuse": 2, "groups": 8, "shuffle": "@halves_interleave",
                      "activation": "@nn.ReLU"}],
        ["GapLinear", {"in_channels": 8, "num_classes": 10}],
    ]  # fmt: skip


def test_ids_do_not_change_between_versions() -> None:
    # Run folders and published results name networks by these.
    assert network(LRU).id == "6a77427af245"


def test_ids_do_not_depend_on_the_process() -> None:
    program = (
        "from nas.space import load_architecture; print(load_architecture('lrunet_14_1x').id)"
    )
    root = Path(nas.__file__).parents[1]
    ids = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=root,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(ids) == 1


def test_architectures_are_frozen_values_that_travel() -> None:
    arch = network(LRU)
    with pytest.raises(FrozenInstanceError):
        arch.name = "other"  # type: ignore[misc]
    before = pickle.loads(pickle.dumps(arch))
    assert arch.id == before.id
    after = pickle.loads(pickle.dumps(arch))
    assert (before, after.id) == (arch, arch.id)
    assert len({before, after, arch}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(network(LRU), network(LRU, name="other"), id="the name"),
        pytest.param(
            network(Stage(channels=8, block=Lru(reuse=1, shuffle="interleave"))),
            network(Stage(channels=8, block=Lru(reuse=1, shuffle="none"))),
            id="a shuffle after a single application",
        ),
        pytest.param(
            network(Stage(channels=2, block=Lru(reuse=3, groups=1, shuffle="halves")), channels=2),
            network(
                Stage(channels=2, block=Lru(reuse=3, groups=1, shuffle="halves_interleave")),
                channels=2,
            ),
            id="two shuffles of two channels that swap them",
        ),
        pytest.param(
            network(
                Stage(channels=2, block=Lru(reuse=3, groups=1, shuffle="interleave")), channels=2
            ),
            network(Stage(channels=2, block=Lru(reuse=3, groups=1, shuffle="none")), channels=2),
            id="interleaving two channels, which changes nothing",
        ),
        pytest.param(
            network(replace(LRU, transition=MaxPoolConcat())),
            network(LRU),
            id="maxpool_concat where the shape stays",
        ),
        pytest.param(
            network(replace(LRU, transition=VgnetDownsampling())),
            network(LRU),
            id="VGNet's downsampling where the shape stays",
        ),
        pytest.param(
            network(replace(LRU, channels=16, transition=VgnetDownsampling(kernels="gaussian"))),
            network(replace(LRU, channels=16, transition=VgnetDownsampling(kernels="learned"))),
            id="a blur that does not stride",
        ),
        pytest.param(
            network(Stage(channels=16, stride=2, depth=3, block=Separable(kernel=5))),
            network(
                Stage(
                    channels=16,
                    stride=2,
                    depth=2,
                    transition=SeparableTransition(kernel=5),
                    block=Separable(kernel=5),
                )
            ),
            id="a first separable block, or a separable transition",
        ),
        pytest.param(
            network(Stage(channels=16, stride=2, depth=1, block=Conv(groups=2))),
            network(
                Stage(
                    channels=16,
                    stride=2,
                    depth=0,
                    transition=ConvTransition(groups=2),
                    block=Lru(reuse=7),
                )
            ),
            id="a block that is never built",
        ),
        pytest.param(
            network(replace(LRU, depth=2)), network(LRU, LRU), id="one stage, or two of half"
        ),
        pytest.param(
            network(LRU),
            network(LRU, replace(LRU, depth=0, activation="silu")),
            id="an empty stage",
        ),
        pytest.param(
            network(Stage(channels=8, block=HalfIdentity(identity_ratio=0.25))),
            network(Stage(channels=8, block=HalfIdentity(identity_ratio=0.3))),
            id="two ratios that leave the same channels alone",
        ),
        pytest.param(
            network(Stage(channels=8, block=HalfIdentity(se_activation="relu"))),
            network(Stage(channels=8, block=HalfIdentity(se_activation="silu"))),
            id="the activation of an attention that is not there",
        ),
    ],
)
def test_what_makes_no_difference_makes_no_difference_to_the_id(
    one: Architecture, other: Architecture
) -> None:
    assert one != other
    assert one.id == other.id
    for images, classes in ((1, 7), (3, 10)):
        given = {"in_channels": images, "num_classes": classes}
        assert one.calls(**given) == other.calls(**given)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(network(LRU), network(replace(LRU, depth=2)), id="depth"),
        pytest.param(network(LRU), network(replace(LRU, activation="silu")), id="activation"),
        pytest.param(
            network(LRU),
            replace(network(LRU), stem=ConvStem(channels=8, stride=1)),
            id="stride of the stem",
        ),
        pytest.param(network(LRU), network(LRU, dropout=0.1), id="dropout"),
        *(
            pytest.param(network(LRU), network(replace(LRU, block=block)), id=repr(block))
            for block in (
                Lru(reuse=3),
                Lru(reuse=2, groups=4),
                Lru(reuse=2, shuffle="none"),
                Lru(reuse=2, shuffle="halves"),
                Lru(reuse=2, shuffle="interleave"),
            )
        ),
        pytest.param(
            network(Stage(channels=8, block=HalfIdentity(kernels="edge"))),
            network(Stage(channels=8, block=HalfIdentity(kernels="learned"))),
            id="kernels",
        ),
    ],
)
def test_what_makes_a_difference_changes_the_id(one: Architecture, other: Architecture) -> None:
    assert one.id != other.id


def test_illegal_architectures_have_no_id() -> None:
    arch = network(replace(LRU, channels=16))
    with pytest.raises(IllegalArchitecture, match=r"stages\.0\.block\.lru: lru keeps its shape"):
        _ = arch.id


def test_an_empty_stage_cannot_change_the_shape() -> None:
    with pytest.raises(IllegalArchitecture) as caught:
        _ = network(replace(LRU, channels=16, stride=2, depth=0)).id
    assert str(caught.value) == (
        "stages.0: depth 0 without a transition cannot go from 8 to 16 channels with stride 2; "
        "give a transition or a depth"
    )


def test_the_path_in_a_message_counts_stages() -> None:
    with pytest.raises(IllegalArchitecture, match=r"^stages\.1\.block\.lru: ") as caught:
        _ = network(LRU, replace(LRU, channels=16)).id
    elsewhere = pickle.loads(pickle.dumps(caught.value))
    assert elsewhere.path == "stages.1.block.lru"
    assert elsewhere.rule == caught.value.rule


def test_sections_tell_where_calls_come_from() -> None:
    arch = network(
        Stage(channels=16, stride=2, depth=2, transition=ConvTransition(), block=Conv()),
        Stage(channels=16, block=Lru(reuse=2)),
    )
    titles = [(title, [call.name for call in calls]) for title, calls in arch.sections(3, 10)]
    assert titles == [
        ("stem", ["ConvNormAct"]),
        ("stage 1", ["ConvNormAct"] * 3),
        ("stage 2", ["LruBlock"]),
        ("head", ["GapLinear"]),
    ]
    flat = [call for _, calls in arch.sections(3, 10) for call in calls]
    assert tuple(flat) == arch.calls(in_channels=3, num_classes=10)


def test_images_and_classes_come_from_the_data() -> None:
    stem, *_, head = network(LRU).calls(in_channels=1, num_classes=47)
    assert stem.kwargs["in_channels"] == 1
    assert head.kwargs["num_classes"] == 47


def test_describing_gives_what_a_model_file_says() -> None:
    assert describe(network(replace(LRU, transition=MaxPoolConcat()), dropout=0.1)) == {
        "name": "n",
        "stem": {
            "conv": {
                "channels": 8,
                "kernel": 3,
                "stride": 2,
                "activation": "relu",
                "order": "conv_norm_act",
            }
        },
        "stages": [
            {
                "channels": 8,
                "stride": 1,
                "depth": 1,
                "activation": "relu",
                "transition": {"maxpool_concat": {}},
                "block": {"lru": {"reuse": 2, "groups": 8, "shuffle": "halves_interleave"}},
            }
        ],
        "head": {"gap_linear": {"dropout": 0.1}},
    }
