"""Inverted residuals: rounding of widths, and what cannot be built."""

from __future__ import annotations

import pytest

from nas.arch import Slot
from nas.components import make_divisible
from nas.errors import IllegalArchitecture
from nas.families.inverted.options import Inverted, MobileNetV3Head


def slot(c_in: int, c_out: int, stride: int = 1) -> Slot:
    return Slot("block", c_in, c_out, stride, "relu")


@pytest.mark.parametrize(
    ("channels", "expansion", "expanded"),
    # MobileNetV3's own rows: the paper lists the widths, the code these ratios.
    [(16, 4, 64), (24, 3, 72), (40, 3, 120), (80, 2.5, 200), (80, 2.3, 184), (24, 3.67, 88)],
)
def test_expanded_widths(channels: int, expansion: float, expanded: int) -> None:
    assert Inverted(expansion=expansion).call(slot(channels, 8)).kwargs["expanded"] == expanded


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(1, 8), (11, 16), (12, 16), (19, 24), (20, 24), (36, 40), (10, 16), (100, 104)],
)
def test_rounding_never_falls_below_nine_tenths(value: float, rounded: int) -> None:
    assert make_divisible(value) == rounded
    assert make_divisible(value) >= 0.9 * value


def test_the_input_is_added_only_where_the_shape_stays() -> None:
    block = Inverted()
    assert block.call(slot(16, 16)).kwargs["residual"] is True
    assert "residual" not in block.call(slot(16, 24)).kwargs
    assert "residual" not in block.call(slot(16, 16, 2)).kwargs


def test_expansions_that_round_alike_are_the_same_call() -> None:
    assert Inverted(expansion=2.99).call(slot(16, 16)) == Inverted(expansion=3).call(slot(16, 16))


def test_head_widths() -> None:
    assert MobileNetV3Head().call(slot(160, 10)).kwargs["expanded"] == 960
    assert MobileNetV3Head().call(slot(96, 10)).kwargs["expanded"] == 576


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (Inverted(groups=5), "groups 5 does not divide 24"),
        (Inverted(groups=16), "groups 16 does not divide 24"),
        (Inverted(kernels="edge", kernel=5), "use kernel 3"),
    ],
)
def test_what_cannot_be_built_is_refused(block: Inverted, message: str) -> None:
    with pytest.raises(IllegalArchitecture, match=message):
        block.call(slot(24, 24))
