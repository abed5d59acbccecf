"""LruNet: one depthwise and one grouped pointwise convolution, applied N times.

Paper: Convolutional Neural Networks with Layer Reuse - https://arxiv.org/abs/1901.09615
The modules, with what follows code and what follows paper, are in `nas/blocks/lru.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nas.arch._call import Call, Ref, call
from nas.arch._part import ACTIVATIONS, Block, Count, Head, Probability, Site, Transition

if TYPE_CHECKING:
    from nas.arch._call import Argument
    from nas.arch._tape import Map, Tape

Shuffle = Literal["none", "interleave", "halves", "halves_interleave"]


def shuffle_order(shuffle: str, channels: int) -> tuple[int, ...]:
    """Source channel of every output channel, for an even number of channels."""
    order = tuple(range(channels))
    half = channels // 2
    if shuffle.startswith("halves"):
        order = order[half:] + order[:half]
    if shuffle.endswith("interleave"):
        order = tuple(
            channel for pair in zip(order[:half], order[half:], strict=True) for channel in pair
        )
    return order


@dataclass(frozen=True, slots=True, kw_only=True)
class Lru(Block):
    """Layer reuse: the same two convolutions `reuse` times, each with BatchNorms of its own."""

    kind = "lru"
    reuse: Count
    groups: Count = 8
    """Groups of the pointwise convolution."""
    shuffle: Shuffle = "halves_interleave"
    """Channel order between two applications; LruNet's is halves_interleave."""

    def call(self, site: Site) -> Call:
        """LruBlock; at reuse 1 nothing is shuffled."""
        site.require_same_shape(self.kind)
        site.require_divides(self.groups, site.in_channels, "groups")
        return call(
            "LruBlock",
            channels=site.in_channels,
            reuse=self.reuse,
            groups=self.groups if self.groups > 1 else None,
            shuffle=self._shuffle(site),
            activation=ACTIVATIONS[site.activation],
        )

    def _shuffle(self, site: Site) -> Ref | None:
        if self.shuffle == "none" or self.reuse == 1:
            return None
        site.require_divides(2, site.in_channels, "shuffle over 2 halves")
        # With 2 channels some orders coincide; the first name stands for all.
        orders = {
            shuffle_order(name, site.in_channels): name
            for name in ("halves_interleave", "halves", "interleave", "none")
        }
        name = orders[shuffle_order(self.shuffle, site.in_channels)]
        return None if name == "none" else Ref(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPoolConcat(Transition):
    """Max pooling where the stage strides, then the map is repeated up to the stage's width."""

    kind = "maxpool_concat"

    def call(self, site: Site) -> Call | None:
        """MaxPoolConcat; nothing where shape stays."""
        if site.keeps_shape:
            return None
        if site.out_channels < site.in_channels:
            raise site.refuse(
                "maxpool_concat cannot narrow",
                f"maxpool_concat repeats channels and cannot go from {site.in_channels} down to "
                f"{site.out_channels}; widen the stage or use another transition",
            )
        if site.stride > 2:
            raise site.refuse(
                "maxpool_concat strides by 1 or 2",
                f"stride {site.stride}: maxpool_concat does 1 or 2",
            )
        return call(
            "MaxPoolConcat",
            in_channels=site.in_channels,
            out_channels=site.out_channels,
            stride=site.stride if site.stride > 1 else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LruHead(Head):
    """Max pool, grouped 1x1 to half the width, 1x1 to the classes, ReLU, average."""

    kind = "lru"
    groups: Count = 8
    dropout: Probability = 0.5

    def call(self, site: Site) -> Call:
        """LruHead."""
        site.require_divides(2 * self.groups, site.in_channels, "twice the head's groups")
        return call(
            "LruHead",
            in_channels=site.in_channels,
            num_classes=site.out_channels,
            groups=self.groups,
            dropout=self.dropout or None,
        )


def plan_lru_block(
    tape: Tape,
    x: Map,
    *,
    channels: int,
    reuse: int,
    activation: Argument,
    groups: int = 1,
    shuffle: Argument | None = None,
) -> Map:
    """Layers of LruBlock."""
    depthwise = tape.weight(channels, 2 * channels, kernel=3, groups=channels)
    pointwise = tape.weight(2 * channels, channels, groups=groups)
    for application in range(reuse):
        y = tape.norm(tape.conv(x, depthwise))
        y = tape.norm(tape.conv(y, pointwise))
        x = tape.in_place(tape.in_place(y, x))
        if shuffle is not None and application < reuse - 1:
            x = tape.copy(x)
    return x


def plan_max_pool_concat(
    tape: Tape, x: Map, *, in_channels: int, out_channels: int, stride: int = 1
) -> Map:
    """Layers of MaxPoolConcat."""
    if stride > 1:
        x = tape.max_pool(x, stride=stride)
    if out_channels == in_channels:
        return x
    whole, rest = divmod(out_channels, in_channels)
    return tape.copy(*[x] * whole, *([tape.slice(x, rest)] if rest else []))


def plan_lru_head(
    tape: Tape, x: Map, *, in_channels: int, num_classes: int, groups: int, dropout: float = 0.0
) -> Map:
    """Layers of LruHead."""
    x = tape.max_pool(x)
    narrow = tape.weight(in_channels, in_channels // 2, groups=groups)
    x = tape.in_place(tape.norm(tape.conv(x, narrow)))
    classify = tape.weight(in_channels // 2, num_classes, bias=True)
    return tape.global_pool(tape.in_place(tape.conv(x, classify)))
