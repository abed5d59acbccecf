"""The zoo answers quickly, and its overrides make variants without new files."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from nas.model import build_model
from nas.space import catalogue, load_architecture, load_space

ZOO = tuple(name for name, path in catalogue().items() if path.parent.name == "zoo")
BUILD_S = 1.0
COST_S = 2.0

COST = """
import sys, time
sys.argv = ["nas", "cost", *sys.argv[1:], "--json"]
from nas.cli import main
try:
    main()
finally:
    heavy = [name for name in ("torch", "optuna", "ray", "fvcore") if name in sys.modules]
    print(f"{time.process_time()} {','.join(heavy)}", file=sys.stderr)
"""


@pytest.mark.parametrize("name", ZOO)
def test_builds_in_under_a_second(name: str) -> None:
    assert any(seconds_to_build(name) < BUILD_S for _ in range(3)), "a busy core is slower"


def seconds_to_build(name: str) -> float:
    start = time.process_time()  # what other programs take meanwhile is not ours
    arch = load_architecture(name)
    build_model(arch, in_channels=3, num_classes=1000)
    return time.process_time() - start


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("lrunet_14_2x", 617_546 + 90 * 513 + 900 * 513),  # 10 -> 1000 classes, 512 features
        ("resnet34_rpg", 585_512),
        ("mgic_resnet101", 18_605_928),
        ("vgnetg_2.5mp_se", 2_922_284),
    ],
)
def test_cost_answers_in_two_seconds_without_torch(name: str, params: int) -> None:
    assert any(seconds_to_cost(name, params) < COST_S for _ in range(3)), "a busy core is slower"


def seconds_to_cost(name: str, params: int) -> float:
    done = subprocess.run(
        [sys.executable, "-c", COST, name], capture_output=True, text=True, check=True
    )
    took_s, heavy = done.stderr.split(" ", 1)
    assert json.loads(done.stdout)["params"] == params
    assert heavy.strip() == ""
    return float(took_s)


# -- variants without a new file --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("mgic_resnet18", "stages.*.block.mgic_basic.group_size", 16),
        ("mgic_resnet50", "stages.*.block.mgic_bottleneck.threshold", 64),
        ("lrunet_8_1x", "stages.*.block.lru.reuse", 3),
        ("vgnetg_1.5mp", "stages.*.block.half_identity.identity_ratio", 0.25),
        ("resnet18", "stages.*.block.residual.reuse", 2),
    ],
)
def test_one_key_is_set_in_every_stage(name: str, key: str, value: float) -> None:
    arch, plain = load_architecture(name, [f"{key}={value}"]), load_architecture(name)
    option = key.rpartition(".")[2]
    assert {getattr(stage.block, option) for stage in arch.stages} == {value}
    assert arch.id != plain.id


def test_what_is_opened_in_a_space_has_the_same_key_there() -> None:
    key = "stages.*.block.mgic_basic.group_size=16"
    space = load_space("reuse_all", [key])
    assert "stages.0.block.mgic_basic.group_size" in {
        gene.name for gene in load_space("reuse_all").genes
    }
    assert not [gene.name for gene in space.genes if "mgic_basic.group_size" in gene.name]
