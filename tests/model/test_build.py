"""Calls become modules: in order, with arguments resolved, under names that export keeps."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from nas.arch import Call, Ref
from nas.errors import IllegalArchitecture
from nas.families import known_names
from nas.model import Network, build_model, instantiate
from nas.space import load_architecture, load_space, parse_space

TEXT = """\
stem: {conv: {channels: 8}}
stages:
  - {channels: 16, stride: 2, depth: 2, transition: maxpool_concat, block: {lru: {reuse: 2}}}
head: gap_linear
"""


def test_a_network_is_stem_body_and_head() -> None:
    arch = parse_space(TEXT, source="f.yaml", name="f").decode(())
    model = build_model(arch, in_channels=1, num_classes=7)
    assert isinstance(model, Network)
    assert [name for name, _ in model.named_children()] == ["stem", "body", "head"]
    assert [type(module).__name__ for module in model.body] == [
        "MaxPoolConcat",
        "LruBlock",
        "LruBlock",
    ]
    assert model(torch.zeros(3, 1, 28, 28)).shape == (3, 7)


def test_arguments_are_calls_names_and_values() -> None:
    made = instantiate(
        Call(
            "HalfIdentityBlock",
            (
                ("channels", 8),
                ("identity", 4),
                ("filters", Call("Depthwise", (("channels", 4), ("kernel", 5)))),
                ("activation", Ref("nn.SiLU")),
            ),
        )
    )
    assert made.filters.kernel_size == (5, 5)
    assert isinstance(made.activation, nn.SiLU)
    shuffled = instantiate(
        Call(
            "LruBlock",
            (
                ("channels", 8),
                ("reuse", 2),
                ("activation", Ref("nn.ReLU")),
                ("shuffle", Ref("halves")),
            ),
        )
    )
    assert shuffled.shuffle is known_names()["halves"]


def test_other_tables_of_names_can_be_given() -> None:
    class Mine(nn.Module):
        def __init__(self, in_channels: int, num_classes: int) -> None:
            super().__init__()

    arch = parse_space(TEXT, source="f.yaml", name="f").decode(())
    names = {**known_names(), "GapLinear": Mine}
    model = build_model(arch, in_channels=1, num_classes=2, names=names)
    assert isinstance(model.head, Mine)


def test_weights_follow_from_the_seed_alone() -> None:
    arch = load_architecture("lrunet_2_1x")
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build_model(arch, in_channels=3, num_classes=10).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_illegal_networks_are_not_built() -> None:
    space = load_space("lru_vgnet")
    rng = random.Random(0)
    while True:
        arch = space.decode(space.random_genome(rng))
        try:
            _ = arch.id
        except IllegalArchitecture:
            break
    with pytest.raises(IllegalArchitecture):
        build_model(arch, in_channels=1, num_classes=10)
