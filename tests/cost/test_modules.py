"""Costs by module: fvcore's table adds up to the exact costs."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from nas.cost import ModuleCost, cost_of, module_costs
from nas.model import build_model
from nas.space import catalogue, load_architecture, load_space

SPACES = [name for name, path in catalogue().items() if path.parent.name != "zoo"]


def test_a_small_network_by_hand() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )
    assert module_costs(model, input_shape=(3, 4, 4)) == (
        ModuleCost(name="network", type_name="Sequential", params=322, macs=3536),
        ModuleCost(name="0", type_name="Conv2d", params=216, macs=216 * 16),
        ModuleCost(name="1", type_name="BatchNorm2d", params=16, macs=0),
        ModuleCost(name="5", type_name="Linear", params=90, macs=80),
    )


@pytest.mark.parametrize("name", SPACES)
def test_the_table_adds_up_to_the_exact_costs(name: str) -> None:
    space, rng = load_space(name), random.Random(5)
    shape = (3, 32, 32)
    for _ in range(4 if name == "lru_vgnet" else 2):
        arch = space.random_architecture(rng)
        exact = cost_of(arch, input_shape=shape, num_classes=10)
        model = build_model(arch, in_channels=3, num_classes=10)
        total, *rows = module_costs(model, input_shape=shape)
        assert (total.name, total.params, total.macs) == ("network", exact.params, exact.macs)
        parts = [row for row in rows if "." not in row.name]
        assert sum(row.macs for row in parts) == exact.macs
        assert {row.name for row in parts} <= {"stem", "body", "head", "rings"}


def test_every_application_of_a_reused_layer_counts() -> None:
    rows = {}
    for reuse in (1, 14):
        arch = load_architecture(f"lrunet_{reuse}_1x")
        model = build_model(arch, in_channels=3, num_classes=10)
        table = module_costs(model, input_shape=(3, 32, 32))
        rows[reuse] = next(row for row in table if row.name.endswith("0.depthwise"))
    assert rows[14].params == rows[1].params
    assert rows[14].macs == 14 * rows[1].macs


def test_the_model_is_left_as_it_was() -> None:
    model = build_model(load_architecture("lrunet_1_1x"), in_channels=3, num_classes=10)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    module_costs(model, input_shape=(3, 32, 32))
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
