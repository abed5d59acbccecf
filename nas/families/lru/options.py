"""LruNet: one depthwise and one grouped pointwise convolution, applied N times.

Paper: Convolutional Neural Networks with Layer Reuse - https://arxiv.org/abs/1901.09615
The modules, with what follows code and what follows paper, are in `modules.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from nas.components import (
    ACTIVATIONS,
    Block,
    Bounds,
    Call,
    Count,
    Head,
    OddKernel,
    Probability,
    Ref,
    Reuse,
    Slot,
    Transition,
    call,
)

if TYPE_CHECKING:
    from nas.components import Argument

Shuffle = Literal["none", "interleave", "halves", "halves_interleave"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lru(Block):
    """Layer reuse: the same two convolutions `reuse` times, each with BatchNorms of its own."""

    kind = "lru"
    quiet = ("shuffle_groups", "kernel", "multiplier")
    applies_itself = True
    reuse: Reuse = field()
    groups: Count = 8
    """Groups of the pointwise convolution."""
    shuffle: Shuffle = "halves_interleave"
    """Channel order between two applications; LruNet's is halves_interleave."""
    shuffle_groups: Count = 2
    """Runs of channels that `interleave` takes from in turn; 2 in LruNet, any in ShuffleNet."""
    kernel: OddKernel = 3
    """Of the depthwise convolution."""
    multiplier: Annotated[int, Bounds(1, 16)] = 2
    """Filtered channels as a multiple of the block's."""

    def call(self, slot: Slot) -> Call:
        """LruBlock; at reuse 1 nothing is shuffled."""
        slot.require_same_shape(self.kind)
        slot.require_divides(self.groups, slot.in_channels, "groups")
        return call(
            "LruBlock",
            channels=slot.in_channels,
            reuse=self.reuse,
            groups=self.groups if self.groups > 1 else None,
            shuffle=self._shuffle(slot),
            kernel=self.kernel if self.kernel != 3 else None,
            multiplier=self.multiplier if self.multiplier != 2 else None,
            activation=ACTIVATIONS[slot.activation],
        )

    def _shuffle(self, slot: Slot) -> Ref | Call | None:
        if self.shuffle == "none" or self.reuse == 1:
            return None
        if self.shuffle_groups != 2:
            return self._shuffle_of_groups(slot)
        slot.require_divides(2, slot.in_channels, "shuffle over 2 halves")
        if slot.in_channels > 2:
            return Ref(self.shuffle)
        # Two channels have two orders.
        return None if self.shuffle == "interleave" else Ref("halves")

    def _shuffle_of_groups(self, slot: Slot) -> Call | None:
        if self.shuffle != "interleave":
            raise slot.refuse(
                "halves are two",
                f"shuffle {self.shuffle} swaps 2 halves and cannot be of {self.shuffle_groups} "
                "groups; use shuffle: interleave, or shuffle_groups: 2",
            )
        slot.require_divides(self.shuffle_groups, slot.in_channels, "shuffle_groups")
        if self.shuffle_groups in (1, slot.in_channels):
            return None
        return call("ChannelShuffle", groups=self.shuffle_groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPoolConcat(Transition):
    """Max pooling where the stage strides, then the map is repeated up to the stage's width."""

    kind = "maxpool_concat"

    def call(self, slot: Slot) -> Call | None:
        """MaxPoolConcat; nothing where shape stays."""
        if slot.keeps_shape:
            return None
        if slot.out_channels < slot.in_channels:
            raise slot.refuse(
                "maxpool_concat cannot narrow",
                f"maxpool_concat repeats channels and cannot go from {slot.in_channels} down to "
                f"{slot.out_channels}; widen the stage or use another transition",
            )
        if slot.stride > 2:
            raise slot.refuse(
                "maxpool_concat strides by 1 or 2",
                f"stride {slot.stride}: maxpool_concat does 1 or 2",
            )
        return call(
            "MaxPoolConcat",
            in_channels=slot.in_channels,
            out_channels=slot.out_channels,
            stride=slot.stride if slot.stride > 1 else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LruHead(Head):
    """Max pool, grouped 1x1 to half the width, 1x1 to the classes, ReLU, average."""

    kind = "lru"
    quiet = ("relu",)
    groups: Count = 8
    dropout: Probability = 0.5
    relu: bool = True
    """On the class scores, as in LruNet. A class whose scores all fall below 0 early in training
    is then never recognised."""

    def call(self, slot: Slot) -> Call:
        """LruHead."""
        slot.require_divides(2 * self.groups, slot.in_channels, "twice the head's groups")
        return call(
            "LruHead",
            in_channels=slot.in_channels,
            num_classes=slot.out_channels,
            groups=self.groups,
            dropout=self.dropout or None,
            relu=None if self.relu else False,
        )


def merge_pooling(one: Call, other: Call) -> tuple[Call, ...] | None:
    """Two of them in a row, each of which pools, widens or both: pool first, and widen once."""
    first, second = one.kwargs, other.kwargs
    narrow, middle, wide = first["in_channels"], first["out_channels"], second["out_channels"]
    assert isinstance(narrow, int)
    assert isinstance(middle, int)
    # What repeats whole maps can be widened at once; pooling can go before any widening.
    if middle % narrow and wide != middle:
        return None
    strides = [given["stride"] for given in (first, second) if "stride" in given]
    merged = [
        *(_pooling(narrow, narrow, stride) for stride in strides[:-1]),
        _pooling(narrow, wide, strides[-1] if strides else None),
    ]
    return tuple(merged) if merged != [one, other] else None


def _pooling(in_channels: Argument, out_channels: Argument, stride: Argument | None) -> Call:
    return call("MaxPoolConcat", in_channels=in_channels, out_channels=out_channels, stride=stride)
