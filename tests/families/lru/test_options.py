"""Layer reuse: settings that are one network, and what cannot be built."""

from __future__ import annotations

import pytest

from nas.arch import Component, Slot
from nas.errors import IllegalArchitecture
from nas.families.lru.options import Lru, LruHead, MaxPoolConcat


def slot(c_in: int, c_out: int | None = None, stride: int = 1) -> Slot:
    return Slot("part", c_in, c_out or c_in, stride, "relu")


def test_a_single_application_has_no_shuffle() -> None:
    calls = {Lru(reuse=1, shuffle=shuffle).call(slot(16)) for shuffle in SHUFFLES}
    assert len(calls) == 1
    assert len({Lru(reuse=2, shuffle=shuffle).call(slot(16)) for shuffle in SHUFFLES}) == 4


SHUFFLES = ("none", "interleave", "halves", "halves_interleave")


def test_two_channels_have_two_orders_only() -> None:
    calls = {Lru(reuse=2, groups=1, shuffle=shuffle).call(slot(2)) for shuffle in SHUFFLES}
    assert len(calls) == 2


def test_max_pool_concat_has_nothing_to_do_where_the_shape_stays() -> None:
    assert MaxPoolConcat().call(slot(16)) is None
    assert MaxPoolConcat().call(slot(16, 32)) is not None
    assert MaxPoolConcat().call(slot(16, 16, 2)) is not None


@pytest.mark.parametrize(
    ("part", "at", "message"),
    [
        (Lru(reuse=2), slot(12), "groups 8 does not divide 12"),
        (Lru(reuse=2), slot(16, 32), "keeps its shape"),
        (Lru(reuse=2, groups=1), slot(3), "2 halves"),
        (MaxPoolConcat(), slot(32, 16), "cannot go from 32 down to 16"),
        (MaxPoolConcat(), slot(16, 16, 3), "1 or 2"),
        (LruHead(), slot(24, 10), "16 does not divide 24"),
    ],
)
def test_what_cannot_be_built_is_refused(part: Component, at: Slot, message: str) -> None:
    with pytest.raises(IllegalArchitecture, match=message):
        part.call(at)


def test_the_relu_of_the_head_is_named_only_where_it_is_left_out() -> None:
    at = slot(16, 10)
    assert "relu" not in LruHead().call(at).kwargs
    assert LruHead(relu=False).call(at).kwargs["relu"] is False
