"""What a drawing shows: sections, blocks, loops, channel splits, levels and rings, with costs.

Read from the calls an architecture compiles to, by their arguments' names (`reuse`, `identity`,
`coarse`, ...), not by family: a block that uses the same words is drawn in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from nas.arch import Call
from nas.cost import output_shapes, part_cost
from nas.drawing._words import options_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.arch import Architecture, RingPlan

Shape = tuple[int, int, int]
"""Channels, height, width of one image's feature map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelView:
    """One level of a hierarchy of channels, such as MGIC's."""

    channels: int
    groups: int
    """Of the convolutions that lead to the next coarser level; 1 where there is none."""
    unit: str
    """The class that stands at this level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockView:
    """One or several equal blocks in a row."""

    name: str
    """Class name, as in exported code."""
    options: tuple[str, ...]
    copies: int
    """Equal blocks with weights of their own."""
    times: int
    """How often each block's weights are applied."""
    in_shape: Shape
    out_shape: Shape
    params: int
    """Trainable scalars of all copies, without those that rings hold."""
    generated: int
    """Weights that all copies together read out of rings."""
    macs: int
    peak_activation_bytes: int
    split: tuple[tuple[str, int], ...] = ()
    """Runs of channels that are treated differently, with their sizes: filtered, identity."""
    levels: tuple[LevelView, ...] = ()
    """The finest first; empty without a hierarchy."""
    neighbours: int = 0
    """Of every point, itself included, whose edges are mixed; 0 where there are no edges."""
    rings: tuple[int, ...] = ()
    """Numbers of the rings that the kernels come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionView:
    """The stem, a stage or the head."""

    title: str
    blocks: tuple[BlockView, ...]

    @property
    def params(self) -> int:
        """Trainable scalars, without those that rings hold."""
        return sum(block.params for block in self.blocks)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return sum(block.macs for block in self.blocks)

    @property
    def peak_activation_bytes(self) -> int:
        """Largest sum of live fp32 activations within the section."""
        return max((block.peak_activation_bytes for block in self.blocks), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RingView:
    """One parameter ring."""

    number: int
    size: int
    """Trained scalars."""
    generated: int
    """Weights of all layers that are read out of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """A network, ready to be drawn."""

    name: str
    arch_id: str
    input_shape: Shape
    outputs: tuple[tuple[str, Shape], ...]
    """Name and shape of each: `logits`, or those of several heads."""
    sections: tuple[SectionView, ...]
    rings: tuple[RingView, ...]
    scope: str
    """Of the rings; `none` without them."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """One call, its feature maps, and the positions of its kernels among all layers."""

    call: Call
    in_shape: Shape
    first: int

    def rings(self, rings: tuple[RingPlan, ...]) -> tuple[int, ...]:
        """Numbers of the rings that it reads, counted from 1."""
        mine = range(self.first, self.first + len(self.kernel_sizes))
        return tuple(
            number
            for number, ring in enumerate(rings, 1)
            if any(reader in mine for readers in ring.kernels for reader in readers)
        )

    @property
    def kernel_sizes(self) -> tuple[int, ...]:
        """Trainable kernels in order of registration."""
        return tuple(weight.size for weight in part_cost(self.call, self.in_shape).kernels)


def diagram_of(arch: Architecture, *, input_shape: Shape, num_classes: int) -> Diagram:
    """The network as a diagram for images of `input_shape`. Raises IllegalArchitecture."""
    input_shape = arch.input_shape(input_shape)
    rings = arch.rings(in_channels=input_shape[0], num_classes=num_classes)
    placed, shape, first = [], input_shape, 0
    for title, calls in arch.sections(input_shape[0], num_classes):
        inside = []
        for one in calls:
            inside.append(_Placed(one, shape, first))
            first += len(inside[-1].kernel_sizes)
            shape = part_cost(one, shape).out_shape
        placed.append((title, inside))
    if arch.stem.kind == "none":
        # Where the network begins with its first block, that block is of the first stage.
        (_, beginning), (title, stage), *others = placed
        placed = [(title, beginning + stage), *others]
    sizes = [size for _, inside in placed for one in inside for size in one.kernel_sizes]
    return Diagram(
        name=arch.name,
        arch_id=arch.id,
        input_shape=input_shape,
        outputs=output_shapes(arch, input_shape=input_shape, num_classes=num_classes),
        sections=tuple(
            SectionView(title=title, blocks=tuple(_blocks(inside, rings)))
            for title, inside in placed
        ),
        rings=tuple(
            RingView(number=number, size=ring.size, generated=_generated(ring, sizes))
            for number, ring in enumerate(rings, 1)
        ),
        scope=arch.sharing_scope if rings else "none",
    )


def _generated(ring: RingPlan, sizes: list[int]) -> int:
    return sum(sizes[reader] for readers in ring.kernels for reader in readers)


def _blocks(placed: list[_Placed], rings: tuple[RingPlan, ...]) -> Iterator[BlockView]:
    """Equal neighbours as one block with several copies."""
    for _, group in groupby(placed, key=lambda one: (one.call, one.in_shape)):
        yield _block(list(group), rings)


def _block(copies: list[_Placed], rings: tuple[RingPlan, ...]) -> BlockView:
    first = copies[0]
    cost = part_cost(first.call, first.in_shape)
    inner, times = _unwrapped(first.call)
    generated = sum(_read(one, rings) for one in copies)
    return BlockView(
        name=inner.name,
        options=options_of(inner),
        copies=len(copies),
        times=times,
        in_shape=first.in_shape,
        out_shape=cost.out_shape,
        params=len(copies) * cost.params - generated,
        generated=generated,
        macs=len(copies) * cost.macs,
        peak_activation_bytes=cost.peak_activation_bytes,
        split=_split(inner),
        levels=tuple(_levels(inner)),
        neighbours=_count(inner, "neighbours") or 0,
        rings=tuple(sorted({number for one in copies for number in one.rings(rings)})),
    )


def _unwrapped(call: Call) -> tuple[Call, int]:
    """What is applied, and how often with the same weights."""
    inner, times = call.kwargs.get("block"), call.kwargs.get("times")
    if isinstance(inner, Call) and isinstance(times, int):
        return inner, times
    return call, _count(call, "reuse") or 1


def _read(one: _Placed, rings: tuple[RingPlan, ...]) -> int:
    """Weights of one call that rings generate."""
    sizes = one.kernel_sizes
    return sum(
        sizes[reader - one.first]
        for ring in rings
        for readers in ring.kernels
        for reader in readers
        if 0 <= reader - one.first < len(sizes)
    )


def _split(call: Call) -> tuple[tuple[str, int], ...]:
    channels = _count(call, "channels")
    if channels and (identity := _count(call, "identity")):
        return (("identity", identity), ("filtered", channels - identity))
    out = _count(call, "out_channels")
    if out and (kept := _count(call, "kept")):
        return (("kept", kept), ("new", out - kept))
    return ()


def _levels(call: Call) -> Iterator[LevelView]:
    """From the finest level to the coarsest."""
    for name in ("mix", "cycle"):
        if isinstance(inner := call.kwargs.get(name), Call):
            yield from _levels(inner)
    coarse, smooth = call.kwargs.get("coarse"), call.kwargs.get("smooth")
    if not isinstance(coarse, Call) or not isinstance(smooth, Call):
        return
    channels = _count(call, "channels") or 0
    yield LevelView(channels=channels, groups=_count(call, "groups") or 1, unit=smooth.name)
    if "coarse" in coarse.kwargs:
        yield from _levels(coarse)
    else:
        width = _count(call, "coarse_channels") or 0
        yield LevelView(channels=width, groups=1, unit=coarse.name)


def _count(call: Call, name: str) -> int | None:
    value = call.kwargs.get(name)
    return value if isinstance(value, int) else None
