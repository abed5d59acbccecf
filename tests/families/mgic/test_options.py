"""MGIC's hierarchy: levels, groups, and what cannot be built."""

from __future__ import annotations

import pytest

from nas.arch import Block, Call, Slot
from nas.errors import IllegalArchitecture
from nas.families.mgic.options import (
    MgicBasic,
    MgicBottleneck,
    MgicMobile,
    MgicMobileHead,
    MgicPoint,
)


def slot(c_in: int, c_out: int | None = None, stride: int = 1) -> Slot:
    return Slot("stages.0.block.mgic", c_in, c_out or c_in, stride, "relu")


def levels(call: Call) -> list[tuple[int, int]]:
    """Channels and groups of every level but the coarsest, the finest first."""
    found: list[tuple[int, int]] = []
    while call.name == "MgicLevel":
        found.append((int(call.kwargs["channels"]), int(call.kwargs.get("groups", 1))))
        call = call.kwargs["coarse"]
    return found


def widths(block: Block, channels: int) -> list[int]:
    call = block.call(slot(channels))
    assert call is not None
    fine = [width for width, _ in levels(call)]
    return [*fine, fine[-1] // 2]


WIDTHS = [
    # channels, then the widths at thresholds 16, 32 and 64
    (16, [16, 8], [16, 8], [16, 8]),
    (32, [32, 16, 8], [32, 16], [32, 16]),
    (64, [64, 32, 16, 8], [64, 32, 16], [64, 32]),
    (128, [128, 64, 32, 16, 8], [128, 64, 32, 16], [128, 64, 32]),
    (256, [256, 128, 64, 32, 16, 8], [256, 128, 64, 32, 16], [256, 128, 64, 32]),
    (512, [512, 256, 128, 64, 32, 16, 8], [512, 256, 128, 64, 32, 16], [512, 256, 128, 64, 32]),
]


@pytest.mark.parametrize(("channels", "t16", "t32", "t64"), WIDTHS)
def test_levels(channels: int, t16: list[int], t32: list[int], t64: list[int]) -> None:
    for threshold, expected in ((16, t16), (32, t32), (64, t64)):
        assert widths(MgicBasic(threshold=threshold), channels) == expected
        assert widths(MgicPoint(threshold=threshold), channels) == expected


def test_levels_can_be_limited() -> None:
    assert widths(MgicBasic(threshold=2, levels=2), 64) == [64, 32, 16]
    assert MgicBasic(threshold=16, levels=9).call(slot(64)) == MgicBasic(threshold=16).call(
        slot(64)
    )


def test_groups_hold_group_size_channels_while_there_are_as_many() -> None:
    call = MgicBasic(group_size=4, threshold=8).call(slot(16))
    assert levels(call) == [(16, 4), (8, 2)]
    call = MgicBasic(group_size=32, threshold=16).call(slot(64))
    assert levels(call) == [(64, 2), (32, 1), (16, 1)]


def test_mobile_groups_shrink_until_they_divide_both_widths() -> None:
    block = MgicMobile(group_size=8, threshold=16, expansion=2.5)
    # 40 channels hold 5 groups of 8, but 104 expanded channels fall into 4 at most.
    call = block.call(slot(40))
    assert levels(call) == [(40, 4), (20, 2)]
    assert call.kwargs["smooth"].kwargs["expanded"] == 104


def test_settings_that_make_no_difference_give_the_same_call() -> None:
    wide = slot(32)
    assert MgicBasic(group_size=32, threshold=32).call(wide) == MgicBasic(
        group_size=500, threshold=17
    ).call(wide)
    same = [MgicMobile(expansion=t).call(wide) for t in (3.0, 3.05)]
    assert same[0] == same[1]
    assert MgicBottleneck(coarse_groups=8, threshold=16, expansion=4).call(
        slot(16)
    ) == MgicBottleneck(coarse_groups=2, threshold=16, expansion=4).call(slot(16))


def test_connectors_stand_where_the_shape_changes() -> None:
    basic = MgicBasic().call(slot(16, 64, 2))
    assert basic.name == "MgicBlock"
    assert basic.kwargs["connector"].kwargs["groups"] == 16
    assert basic.kwargs["connector"].kwargs["kernel"] == 3
    point = MgicPoint().call(slot(24, 64))
    assert point.kwargs["connector"].kwargs["groups"] == 8
    mobile = MgicMobile().call(slot(64, 24))
    assert mobile.kwargs["connector"].name == "MgicMobileConnector"
    assert MgicBottleneck().call(slot(64, 64)).name == "MgicLevel"


@pytest.mark.parametrize(
    ("block", "at", "message"),
    [
        (MgicBasic(group_size=32), slot(112), "3 does not divide 112"),
        (MgicBasic(group_size=1), slot(16), "16 does not divide 8"),
        (MgicBasic(), slot(64, 32), "going from 64 to 32"),
        (MgicBasic(), slot(24, 32), "going from 24 to 32"),
        (MgicBasic(threshold=2, group_size=512), slot(1), "cannot be halved"),
        (MgicBottleneck(), slot(30), "expansion 4 does not divide 30"),
        (MgicBottleneck(coarse_groups=3), slot(128), "coarse_groups 3 does not divide 16"),
        (MgicMobile(group_size=1), slot(16), "16 does not divide 8"),
        (MgicMobile(threshold=2, expansion=0.125), slot(64), "8 expanded channels cannot be"),
        (MgicMobile(kernels="edge", kernel=5), slot(64), "use kernel 3"),
    ],
)
def test_what_cannot_be_built_is_refused(block: Block, at: Slot, message: str) -> None:
    with pytest.raises(IllegalArchitecture, match=message) as refusal:
        block.call(at)
    assert str(refusal.value).startswith("stages.0.block.mgic: ")
    assert refusal.value.rule


def test_head_pools_the_maximum_unless_told_otherwise() -> None:
    assert "average" not in MgicMobileHead().call(slot(160, 10)).kwargs
    assert MgicMobileHead(pool="average").call(slot(160, 10)).kwargs["average"] is True
