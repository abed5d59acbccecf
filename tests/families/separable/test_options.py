"""The depthwise separable block: what cannot be built, at every place it may stand."""

from __future__ import annotations

import pytest

from nas.arch import Component, Slot
from nas.errors import IllegalArchitecture
from nas.families.plain.options import Conv, ConvTransition
from nas.families.separable.options import Separable, SeparableTransition


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Separable(groups=3), "groups 3 does not divide 16"),
        (SeparableTransition(groups=16), "groups 16 does not divide 24"),
        (Separable(kernels="edge", kernel=5), "use kernel 3"),
        (Conv(groups=3), "groups 3 does not divide 16"),
        (ConvTransition(groups=16), "groups 16 does not divide 24"),
    ],
)
def test_what_cannot_be_built_is_refused(part: Component, message: str) -> None:
    with pytest.raises(IllegalArchitecture, match=message):
        part.call(Slot("part", 16, 24, 1, "relu"))


def test_block_and_transition_make_the_same_call() -> None:
    slot = Slot("part", 16, 24, 2, "relu")
    assert Separable().call(slot) == SeparableTransition().call(slot)
    assert Conv().call(slot) == ConvTransition().call(slot)
