"""ResNet's blocks: where shortcuts have weights, and what cannot be built."""

from __future__ import annotations

import pytest

from nas.arch import Block, Slot
from nas.errors import IllegalArchitecture
from nas.families.residual.options import Bottleneck, Residual


def slot(c_in: int, c_out: int, stride: int = 1) -> Slot:
    return Slot("block", c_in, c_out, stride, "relu")


@pytest.mark.parametrize("block", [Residual(), Bottleneck()], ids=["basic", "bottleneck"])
def test_shortcuts_have_weights_only_where_the_shape_changes(block: Block) -> None:
    assert "shortcut" not in block.call(slot(16, 16)).kwargs
    assert block.call(slot(16, 32)).kwargs["shortcut"].name == "Projection"
    assert block.call(slot(16, 16, 2)).kwargs["shortcut"].kwargs["stride"] == 2


def test_a_bottleneck_counts_the_stage_s_channels_as_the_wide_ones() -> None:
    assert Bottleneck().call(slot(64, 256)).kwargs["width"] == 64


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (Residual(groups=3), "groups 3 does not divide 16"),
        (Bottleneck(expansion=3), "expansion 3 does not divide 16"),
        (Bottleneck(groups=8), "groups 8 does not divide 4"),
    ],
)
def test_what_cannot_be_built_is_refused(block: Block, message: str) -> None:
    with pytest.raises(IllegalArchitecture, match=message):
        block.call(slot(16, 16))
