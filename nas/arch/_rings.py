"""Which kernels come from which ring, and how large the rings are. No torch.

A network may be shared in several ways at once: a stage has its own `sharing`, and the network
has one or a list of them. Every kernel belongs to the first that takes it, stages first.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nas.arch._sharing import MAX_RATIO, Role, Sharing
from nas.components import LayerTrace, Weight
from nas.errors import IllegalArchitecture
from nas.families import trace_layers

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from nas.arch._sharing import Private
    from nas.components import Call, KernelKind

BLOCK_SIZE = 64
"""Neighbours that stay together under `hash: block`: 256 bytes, a few cache lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RingPlan:
    """One ring and its readers: all that is needed to make it, and what identifies it."""

    size: int
    """Trained scalars."""
    kernels: tuple[tuple[int, ...], ...]
    """For every generated kernel, the layers that read it: positions among the network's
    trainable convolutions and linear layers, in order of registration."""
    scales: tuple[float, ...]
    """Factor of every generated kernel."""
    std: float
    """Standard deviation of the ring's initial values."""
    even: Literal["network", "layer"]
    permute: bool
    signs: bool
    block: int
    """Neighbouring elements that stay together."""
    gradient_factor: float
    """What the ring's gradient is multiplied by."""
    seed: int

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready form, the same for rings that generate the same kernels."""
        # Not `asdict`, which copies every tuple.
        return {one.name: getattr(self, one.name) for one in fields(self)}


class ComponentKernels(NamedTuple):
    """The trainable kernels of one call, and where in the network it stands."""

    section: int
    role: Role
    kernels: tuple[Weight, ...]
    last: tuple[int, ...] = ()
    """Of a head: places of the kernels that make the outputs, one for each of several heads."""


class Sharer(NamedTuple):
    """One `sharing` of a model file, and what it is about."""

    path: str
    """Where it stands, for messages: `sharing`, `sharing.1`, `stages.2.sharing`."""
    sharing: Sharing
    section: int | None = None
    """The one section whose kernels it takes; None: all that no stage has taken."""

    @property
    def reads_inputs(self) -> bool:
        """Whether it may take kernels whose shapes depend on the image or on the classes."""
        return self.section is None and not {"stem", "head"} <= set(self.sharing.private)


@dataclass(slots=True)
class _Slot:
    """One generated kernel and the positions of its readers."""

    weight: Weight
    size: int
    readers: list[int]


_Cell = list[_Slot]


def plan_rings(
    sharers: Sequence[Sharer], parts: Sequence[ComponentKernels]
) -> tuple[RingPlan, ...]:
    """The rings of a network whose calls make `parts`: sharer by sharer, in order of first use.

    Settings that share in the same way give equal plans. A ring as large as its weights is no
    dense network: it is one up to order, sign and scale of its parameters, and stays apart.
    Raises IllegalArchitecture.
    """
    sized = [(sharer.sharing, *one) for sharer, one in _sized_cells(sharers, parts)]
    return tuple(
        _plan(sharing, number, cell, size) for number, (sharing, cell, size) in enumerate(sized)
    )


def ring_budget(
    sharers: Sequence[Sharer], parts: Sequence[ComponentKernels]
) -> tuple[int, int, int]:
    """Scalars in all rings, weights of all layers that read them, and those of the largest one."""
    scalars = replaced = largest = 0
    for _, (cell, size) in _sized_cells(sharers, parts):
        scalars += size
        replaced += sum(slot.size * len(slot.readers) for slot in cell)
        largest = max(largest, *(slot.size for slot in cell))
    return scalars, replaced, largest


@lru_cache(maxsize=1 << 16)
def kernels_of(call: Call, in_channels: int) -> tuple[tuple[Weight, ...], int]:
    """The trainable kernels of one call in order of registration, and its output channels."""
    trace, out = trace_layers(call, (in_channels, _LARGE, _LARGE), _KernelTrace)
    return tuple(trace.kernels), out.channels


def last_kernels(heads: Iterable[Call], in_channels: int) -> tuple[int, ...]:
    """Places of the kernels that make outputs: each head's last one."""
    ends = accumulate(len(kernels_of(one, in_channels)[0]) for one in heads)
    return tuple(end - 1 for end in ends)


class _KernelTrace(LayerTrace):
    sizes_known = False


_LARGE = 1 << 20
"""A side that survives any stride; kernels do not depend on it."""


class _Placed(NamedTuple):
    """A component, its number among all, and the position of its first kernel."""

    number: int
    first: int
    part: ComponentKernels


def _sized_cells(
    sharers: Sequence[Sharer], parts: Sequence[ComponentKernels]
) -> Iterator[tuple[Sharer, tuple[_Cell, int]]]:
    """Every ring's sharer, generated kernels and size."""
    taken: set[int] = set()
    places = accumulate((len(part.kernels) for part in parts), initial=0)
    placed = [
        _Placed(number, first, part)
        for number, (first, part) in enumerate(zip(places, parts, strict=False))
    ]
    by_section: dict[int, list[_Placed]] = defaultdict(list)
    for one in placed:
        by_section[one.part.section].append(one)
    for sharer in sharers:
        own = placed if sharer.section is None else by_section[sharer.section]
        if sharer.sharing.scope != "none":
            cells = _cells(sharer, own, taken)
            for cell in zip(cells, _ring_sizes(sharer, cells), strict=True):
                yield sharer, cell
        if sharer is not sharers[-1]:
            taken.update(
                one.first + offset for one in own for offset, _ in _joining(sharer, one.part)
            )


def _cells(sharer: Sharer, placed: Iterable[_Placed], taken: set[int]) -> list[_Cell]:
    """The generated kernels by the ring that they come from, less those `taken` before."""
    cells: dict[Hashable, dict[Hashable, _Slot]] = {}
    sharing = sharer.sharing
    for number, first, part in placed:
        joining = _joining(sharer, part)
        if taken:
            joining = tuple(one for one in joining if first + one[0] not in taken)
        keys = {"block": number, "stage": part.section, "subnet": joining}
        cell_key: Hashable = keys.get(sharing.scope)
        copy: Hashable = joining if sharing.repeat == "identical" else number
        for offset, weight in joining:
            if sharing.scope == "layer":
                cell_key = first + offset
            slots = cells.setdefault(cell_key, {})
            if (slot := slots.get((copy, offset))) is None:
                slot = slots[copy, offset] = _Slot(weight, weight.size, [])
            slot.readers.append(first + offset)
    return [list(slots.values()) for slots in cells.values()]


def _joining(sharer: Sharer, part: ComponentKernels) -> tuple[tuple[int, Weight], ...]:
    sharing = sharer.sharing
    if sharing.scope == "none":  # of a stage: it keeps weights of its own
        return tuple(enumerate(part.kernels))
    return _joining_kernels(part.role, part.kernels, part.last, sharing.private, sharing.kinds)


@lru_cache(maxsize=1 << 16)
def _joining_kernels(
    role: Role,
    kernels: tuple[Weight, ...],
    last: tuple[int, ...],
    private: tuple[Private, ...],
    kinds: tuple[KernelKind, ...],
) -> tuple[tuple[int, Weight], ...]:
    """Which kernels of a part come from a ring, and at which place of the part they stand."""
    return tuple(
        (offset, weight)
        for offset, weight in enumerate(kernels)
        if role not in private
        and weight.kind not in private
        and (weight.kind in kinds or not kinds)
        and not (offset in last and "classifier" in private)
    )


def _ring_sizes(sharer: Sharer, cells: Sequence[_Cell]) -> list[int]:
    sharing = sharer.sharing
    totals = [sum(slot.size for slot in cell) for cell in cells]
    _check(sharer, len(cells))
    scattered = sharing.hash == "block" and sharing.permute
    if sharing.ratio is not None:
        sizes = [max(1, round(sharing.ratio * total)) for total in totals]
        return [_whole_blocks(size) if scattered else size for size in sizes]
    sizes = _apportioned(sharing.ring or 0, totals)
    return _in_blocks(sizes) if scattered else sizes


def _check(sharer: Sharer, num_rings: int) -> None:
    path, ring, ratio = sharer.path, sharer.sharing.ring, sharer.sharing.ratio
    if (ring is None) == (ratio is None):
        given = "neither ring nor ratio" if ring is None else f"ring {ring} and ratio {ratio:g}"
        raise IllegalArchitecture(
            f"{path}: scope {sharer.sharing.scope} with {given}; give exactly one of the two",
            rule="either ring or ratio",
            path=path,
        )
    if ring is not None and not num_rings:
        raise IllegalArchitecture(
            f"{path}.ring: no kernel reads the {ring} scalars; name fewer kinds in private, or "
            "other ones in kinds, or leave out sharing",
            rule="a ring has readers",
            path=path,
        )
    if ring is not None and ring < num_rings:
        raise IllegalArchitecture(
            f"{path}.ring: {ring} scalars for {num_rings} rings; use at least {num_rings}, a "
            "ratio, or another scope",
            rule="a ring is not empty",
            path=path,
        )
    if ratio is not None and not 0 < ratio <= MAX_RATIO:
        raise IllegalArchitecture(
            f"{path}.ratio: {ratio:g} of the weights; use more than 0 and at most {MAX_RATIO:g}",
            rule="a ring is not empty",
            path=path,
        )


def _apportioned(ring: int, totals: list[int]) -> list[int]:
    """`ring` in whole parts, as near to proportional as can be and none of them 0.

    The method of largest remainders (Hamilton's).
    """
    weights = sum(totals)
    sizes = [ring * total // weights for total in totals]
    by_remainder = sorted(
        range(len(totals)), key=lambda place: (-(ring * totals[place] % weights), place)
    )
    for place in by_remainder[: ring - sum(sizes)]:
        sizes[place] += 1
    for place in (place for place, size in enumerate(sizes) if size == 0):
        sizes[sizes.index(max(sizes))] -= 1
        sizes[place] = 1
    return sizes


def _in_blocks(sizes: list[int]) -> list[int]:
    """The same total in multiples of 64, but for rings under 64 and one remainder."""
    scattered = sorted(
        (place for place, size in enumerate(sizes) if size >= BLOCK_SIZE),
        key=lambda place: -(sizes[place] % BLOCK_SIZE),
    )
    if not scattered:
        return sizes
    spare = sum(sizes[place] % BLOCK_SIZE for place in scattered)
    whole = [_whole_blocks(size) for size in sizes]
    for place in scattered[: spare // BLOCK_SIZE]:
        whole[place] += BLOCK_SIZE
    whole[scattered[0]] += spare % BLOCK_SIZE
    return whole


def _whole_blocks(size: int) -> int:
    return size // BLOCK_SIZE * BLOCK_SIZE or size


def _plan(sharing: Sharing, number: int, cell: _Cell, size: int) -> RingPlan:
    """One cell's plan, without what makes no difference to it."""
    fans = [_fan_out(slot.weight) for slot in cell]
    scales = [math.sqrt(max(fans) / fan) if sharing.scale == "kaiming" else 1.0 for fan in fans]
    scattered = sharing.hash == "block" and sharing.permute and size >= BLOCK_SIZE
    plan = RingPlan(
        size=size,
        kernels=tuple(tuple(slot.readers) for slot in cell),
        scales=tuple(scales),
        std=math.sqrt(2 / max(fans)),
        even=sharing.even if len(cell) > 1 else "network",
        permute=sharing.permute,
        signs=sharing.signs,
        block=BLOCK_SIZE if scattered else 1,
        gradient_factor=_gradient_factor(sharing, cell, scales, size),
        seed=sharing.seed << 20 | number,
    )
    return _settled(plan, cell)


def _settled(plan: RingPlan, cell: _Cell) -> RingPlan:
    """`plan` in the one form of all plans that generate the same kernels, to the bit."""
    if plan.size == 1:  # there is nothing to permute
        plan = replace(plan, even="network", permute=True)
    elif plan.block == plan.size and plan.signs:  # every kernel repeats the one block
        plan = replace(plan, even="network")
    elif plan.block == plan.size:
        plan = replace(plan, even="layer", permute=False, block=1)
    if (plan.size == 1 or not plan.permute) and not plan.signs:
        plan, cell = _merged(replace(plan, seed=0), cell)
    if not plan.permute and all(slot.size % plan.size == 0 for slot in cell[:-1]):
        plan = replace(plan, even="network")  # every kernel starts where the ring does, anyway
    return plan


def _merged(plan: RingPlan, cell: _Cell) -> tuple[RingPlan, _Cell]:
    """`plan`, which reads its ring in order, with kernels that come out equal as one.

    A kernel can be left out where that moves no other: where every kernel starts anew, or where
    its own size is a multiple of the ring's.
    """
    kept: dict[Hashable, _Slot] = {}
    scales: list[float] = []
    start = 0
    for slot, scale in zip(cell, plan.scales, strict=True):
        weight = slot.weight
        shape = (weight.out_channels, weight.in_channels // weight.groups, weight.kernel)
        key: Hashable = (shape, scale, start)
        moves = plan.even == "network" and slot.size % plan.size > 0
        if key in kept and not moves:
            kept[key].readers += slot.readers
            continue
        kept[key if key not in kept else slot.readers[0]] = replace(slot, readers=[*slot.readers])
        scales.append(scale)
        start = (start + slot.size) % plan.size if plan.even == "network" else 0
    slots = list(kept.values())
    kernels = tuple(tuple(sorted(slot.readers)) for slot in slots)
    return replace(plan, kernels=kernels, scales=tuple(scales)), slots


def _fan_out(weight: Weight) -> int:
    """Connections that leave one input element: O k^2 / groups.

    Source: the paper's code scales by sqrt(4608 / (O k^2)) with 4608 = 512 x 9, the largest fan
    of ResNet-18 and 34. We take the ring's largest, and count groups as He et al. do.
    """
    return weight.out_channels // weight.groups * weight.taps


def _gradient_factor(sharing: Sharing, cell: _Cell, scales: Sequence[float], size: int) -> float:
    exponent = {"none": 0.0, "sqrt": 0.5, "full": 1.0}[sharing.gradient_scale]
    uses = sum(
        len(slot.readers) * slot.size * scale**2 for slot, scale in zip(cell, scales, strict=True)
    )
    return float((size / uses) ** exponent)
