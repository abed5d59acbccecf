"""Bounds, slots, and what a slot refuses."""

from __future__ import annotations

import pytest

from nas.arch import COMPONENTS, Bounds, Component, Slot
from nas.errors import IllegalArchitecture


def slot(in_channels: int = 8, out_channels: int = 8, stride: int = 1) -> Slot:
    return Slot("stages.0.block.lru", in_channels, out_channels, stride, "relu")


@pytest.mark.parametrize(
    ("bounds", "words", "inside", "outside"),
    [
        (Bounds(1), "at least 1", (1, 10**9), (0, -1)),
        (Bounds(1, 4), "between 1 and 4", (1, 4), (0, 5)),
        (Bounds(0, below=1), "at least 0 and below 1", (0, 0.999), (1, -0.001)),
        (Bounds(0, 1), "between 0 and 1", (0, 1), (1.001,)),
    ],
)
def test_bounds(
    bounds: Bounds, words: str, inside: tuple[float, ...], outside: tuple[float, ...]
) -> None:
    assert str(bounds) == words
    assert all(bounds.admit(value) for value in inside)
    assert not any(bounds.admit(value) for value in (*outside, float("nan")))


def test_a_site_knows_whether_shape_stays() -> None:
    assert slot().keeps_shape
    assert not slot(out_channels=16).keeps_shape
    assert not slot(stride=2).keeps_shape


def test_what_does_not_divide_is_refused_with_path_and_rule() -> None:
    slot().require_divides(4, 8, "groups")
    with pytest.raises(IllegalArchitecture) as caught:
        slot().require_divides(3, 8, "groups")
    assert str(caught.value) == (
        "stages.0.block.lru: groups 3 does not divide 8 channels; "
        "use a divisor of 8 or another width"
    )
    assert caught.value.rule == "groups must divide the channels"


def test_a_block_that_keeps_its_shape_asks_for_a_transition() -> None:
    slot().require_same_shape("lru")
    with pytest.raises(IllegalArchitecture) as caught:
        slot(out_channels=16, stride=2).require_same_shape("lru")
    assert str(caught.value) == (
        "stages.0.block.lru: lru keeps its shape but has to go from 8 to 16 channels with "
        "stride 2; give the stage a transition such as maxpool_concat"
    )
    assert caught.value.rule == "lru keeps its shape"


@pytest.mark.parametrize(
    "part",
    [part for kinds in COMPONENTS.values() for part in kinds.values()],
    ids=lambda p: p.__name__,
)
def test_parts_are_described_and_named_alike(part: type[Component]) -> None:
    assert part.__doc__
    assert part.kind == part.kind.lower()
    (base,) = [base for base, kinds in COMPONENTS.items() if part in kinds.values()]
    assert COMPONENTS[base][part.kind] is part
    assert issubclass(part, base)
