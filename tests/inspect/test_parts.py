from __future__ import annotations

from nas.inspect._parts import placed_parts
from nas.model import build_model
from tests.inspect.conftest import LRU, MOBILE, VGNET, network_of


def places(text: str) -> list[tuple[str, int | None, str, str, str]]:
    arch = network_of(text)
    network = build_model(arch, in_channels=1, num_classes=2)
    parts = placed_parts(arch, network, in_channels=1, num_classes=2)
    assert all(network.get_submodule(part.name) is part.module for part in parts)
    return [(part.section, part.stage, part.role, part.title, part.name) for part in parts]


def test_transitions_and_blocks_are_told_apart() -> None:
    assert places(VGNET) == [
        ("stem", None, "stem", "stem", "stem"),
        ("stage 1", 0, "transition", "transition", "body.0"),
        ("stage 1", 0, "block", "block 1", "body.1"),
        ("stage 1", 0, "block", "block 2", "body.2"),
        ("stage 2", 1, "transition", "transition", "body.3"),
        ("stage 2", 1, "block", "block 1", "body.4"),
        ("head", None, "head", "head", "head"),
    ]


def test_without_a_transition_the_first_block_is_a_block() -> None:
    assert [place[2] for place in places(MOBILE)] == ["stem", "block", "block", "block", "head"]


def test_a_transition_that_makes_nothing_is_left_out() -> None:
    same = LRU.replace("channels: 16, depth: 1, stride: 2", "channels: 8, depth: 1, stride: 1")
    assert [place[2] for place in places(same)] == ["stem", "block", "head"]
