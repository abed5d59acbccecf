"""Networks drawn at random: every option within its own type and bounds."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from nas.components import Bounds, Count, SideBounds
from nas.errors import PluginError
from nas.testing import random_component


@dataclass(frozen=True, kw_only=True)
class Options:
    """As a plug-in may have them; some are called like options of ours."""

    groups: Annotated[int, Bounds(16, 64)]
    between: Annotated[int, Bounds(5, 6)] = 5
    share: Annotated[float, Bounds(5, below=5.5)] = 5.0
    below_zero: Annotated[float, Bounds(-8, -2)] = -2.0
    name: Literal["nearest", "bilinear"] = "nearest"
    levels: bool = True
    channels: Annotated[int, Bounds(20, 30)] = 20
    hidden: float = 0.5
    reuse: Annotated[int, Bounds(4, 6)] = 4
    sides: Annotated[int | tuple[int, int], SideBounds(5, 7)] = 5
    described: Annotated[bool, "what it is for"] = True
    plain: int


def drawn(cls: type[Any], count: int = 200) -> list[Any]:
    rng = random.Random(0)
    return [random_component(cls, rng) for _ in range(count)]


def test_options_are_drawn_from_their_bounds_and_of_their_type() -> None:
    records = drawn(Options)
    values = {name: {getattr(one, name) for one in records} for name in Options.__annotations__}

    assert len(values["groups"]) > 2
    assert all(16 <= one <= 64 and type(one) is int for one in values["groups"])
    assert values["between"] == {5, 6}
    assert all(5 <= one < 5.5 and type(one) is float for one in values["share"])
    assert all(-8 <= one <= -2 for one in values["below_zero"])
    assert values["name"] == {"nearest", "bilinear"}
    assert values["levels"] == values["described"] == {True, False}
    assert values["channels"] == {24}
    assert values["hidden"] == {0.5}
    assert values["reuse"] == {4}
    assert values["sides"] == {5}
    assert values["plain"] == {1}


@dataclass(frozen=True, kw_only=True)
class Usual:
    channels: Count
    hidden: tuple[Count, ...] = ()
    name: str


def test_options_called_like_ours_are_drawn_from_the_same_few_values() -> None:
    records = drawn(Usual)
    assert {one.channels for one in records} == {3, 4, 6, 8, 12, 16, 24, 32, 48}
    assert {one.name for one in records} == {"first", "second"}
    assert {len(one.hidden) for one in records} == {0, 1, 2}


@dataclass(frozen=True, kw_only=True)
class Empty:
    size: Annotated[int, Bounds(0.2, 0.8)] = 0


def test_bounds_without_a_value_are_named() -> None:
    with pytest.raises(PluginError, match=r"no int: between 0\.2 and 0\.8"):
        drawn(Empty, 1)
