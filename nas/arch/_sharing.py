"""Weight sharing: which kernels are read out of parameter rings, and how. No torch.

A *ring* is one trained vector from which the kernels of many layers are generated: every kernel
element is a ring element, times a fixed sign, times a fixed scale of its layer.

Paper: Recurrent Parameter Generators - https://arxiv.org/abs/2107.07110. The authors' code has
one ring for the whole network; that is scope `network` with every other option at its default.
The other scopes, ratios, hashes, even use per layer and gradient scaling are ours. The modules
are in `nas/sharing/`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from nas.components import Bounds, Weight
from nas.errors import IllegalArchitecture
from nas.families import trace_layers

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from nas.components import Call

Scope = Literal["none", "layer", "block", "stage", "subnet", "network"]
Role = Literal["stem", "transition", "block", "head"]
Private = Literal[
    "stem", "head", "classifier", "transition", "depthwise", "pointwise", "spatial", "attention"
]

BLOCK_SIZE = 64
"""Neighbours that stay together under `hash: block`: 256 bytes, a few cache lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """How a network's kernels share parameter rings; `scope` none shares nothing.

    BatchNorm and biases are always private, as in the authors' code.
    """

    scope: Scope = "none"
    """What has a ring of its own: every layer, block, stage, sub-network, or the whole network.

    A sub-network is one transition or block; those with equal kernel shapes share a ring.
    """
    ring: Annotated[int, Bounds(1)] | None = None
    """Scalars in all rings together, split in proportion to the weights they generate."""
    ratio: Annotated[float, Bounds(0, 1)] | None = None
    """Instead of `ring`: ring size as a share of the weights it generates, above 0."""
    private: tuple[Private, ...] = ("stem", "head")
    """Kernels that keep weights of their own: whole parts of the network (stem, head,
    transition), the last layer (classifier), or kinds of layers (depthwise, pointwise, spatial:
    dense and larger than 1x1, attention: squeeze-and-excitation). As in the code: stem and head.
    """
    even: Literal["network", "layer"] = "network"
    """Elements are used evenly over all the kernels of a ring (as in the code), or within every
    single kernel (as the paper's text has it)."""
    permute: bool = True
    """Read the ring in random order; otherwise in order, wrapping around."""
    signs: bool = True
    """Flip the sign of every second generated weight, at random."""
    scale: Literal["kaiming", "none"] = "kaiming"
    """Give every layer its own Kaiming fan-out deviation (as in the code), or all the same."""
    gradient_scale: Literal["none", "sqrt", "full"] = "none"
    """Multiply the rings' gradients by 1 (as in the code), 1/sqrt(A) or 1/A, where A is the
    factor by which their variance exceeds that of one unscaled weight. Adam, which normalises
    gradients, hardly notices; SGD does."""
    repeat: Literal["different", "identical"] = "different"
    """Whether equally shaped blocks on one ring read different elements (RPG) or the same ones:
    hard recurrence."""
    hash: Literal["element", "block"] = "element"
    """Scatter single elements (as in the code), or runs of 64, which is several times faster.
    Ring sizes are then multiples of 64, rounded down; smaller rings scatter elements."""
    seed: Annotated[int, Bounds(0, below=2**32)] = 0
    """Seed of indices and signs; they are regenerated from it, never stored."""


UNSHARED = Sharing()
"""Every layer has weights of its own."""


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


@dataclass(slots=True)
class _Slot:
    """One generated kernel and the positions of its readers."""

    weight: Weight
    size: int
    readers: list[int]


_Cell = list[_Slot]


def plan_rings(sharing: Sharing, parts: Iterable[ComponentKernels]) -> tuple[RingPlan, ...]:
    """The rings of a network whose calls make `parts`, in order of first use.

    Settings that share in the same way give equal plans. A ring as large as its weights is no
    dense network: it is one up to order, sign and scale of its parameters, and stays apart.
    Raises IllegalArchitecture.
    """
    cells = _cells(sharing, parts)
    sizes = _ring_sizes(sharing, cells)
    return tuple(
        _plan(sharing, number, cell, size)
        for number, (cell, size) in enumerate(zip(cells, sizes, strict=True))
    )


def ring_budget(sharing: Sharing, parts: Iterable[ComponentKernels]) -> tuple[int, int]:
    """Scalars in all rings, and weights of all layers that read them. See `plan_rings`."""
    cells = _cells(sharing, parts)
    replaced = sum(slot.size * len(slot.readers) for cell in cells for slot in cell)
    return sum(_ring_sizes(sharing, cells)), replaced


@lru_cache(maxsize=1 << 16)
def kernels_of(call: Call, in_channels: int) -> tuple[tuple[Weight, ...], int]:
    """The trainable kernels of one call in order of registration, and its output channels."""
    trace, out = trace_layers(call, (in_channels, _LARGE, _LARGE))
    return tuple(trace.kernels), out.channels


_LARGE = 1 << 20
"""A side that survives any stride; kernels do not depend on it."""


def _cells(sharing: Sharing, parts: Iterable[ComponentKernels]) -> list[_Cell]:
    """The generated kernels by the ring that they come from."""
    cells: dict[Hashable, dict[Hashable, _Slot]] = {}
    first = 0
    for number, part in enumerate(parts):
        joining = _joining(part.role, part.kernels, sharing.private)
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
        first += len(part.kernels)
    return [list(slots.values()) for slots in cells.values()]


@lru_cache(maxsize=1 << 16)
def _joining(
    role: Role, kernels: tuple[Weight, ...], private: tuple[Private, ...]
) -> tuple[tuple[int, Weight], ...]:
    """Which kernels of a part come from a ring, and at which place of the part they stand."""
    last = len(kernels) - 1 if role == "head" else None
    return tuple(
        (offset, weight)
        for offset, weight in enumerate(kernels)
        if role not in private
        and weight.kind not in private
        and not (offset == last and "classifier" in private)
    )


def _ring_sizes(sharing: Sharing, cells: Sequence[_Cell]) -> list[int]:
    totals = [sum(slot.size for slot in cell) for cell in cells]
    weights = sum(totals)
    _check(sharing, weights)
    if sharing.ratio is not None:
        sizes = [max(1, round(sharing.ratio * total)) for total in totals]
    else:
        ring = sharing.ring or 0
        sizes = [max(1, (2 * ring * total + weights) // (2 * weights)) for total in totals]
    return [size // _block(sharing, size) * _block(sharing, size) for size in sizes]


def _check(sharing: Sharing, weights: int) -> None:
    ring, ratio = sharing.ring, sharing.ratio
    if (ring is None) == (ratio is None):
        given = "neither ring nor ratio" if ring is None else f"ring {ring} and ratio {ratio}"
        raise IllegalArchitecture(
            f"sharing: scope {sharing.scope} with {given}; give exactly one of the two",
            rule="either ring or ratio",
        )
    if ring is not None and not 1 <= ring <= weights:
        raise IllegalArchitecture(
            f"sharing.ring: {ring} scalars for {weights} weights; use 1 to {weights}, or a ratio",
            rule="a ring is not empty and no larger than its weights",
        )
    if ratio is not None and not 0 < ratio <= 1:
        raise IllegalArchitecture(
            f"sharing.ratio: {ratio:g} of {weights} weights; use more than 0 and at most 1",
            rule="a ring is not empty and no larger than its weights",
        )


def _block(sharing: Sharing, size: int) -> int:
    scattered = sharing.hash == "block" and sharing.permute
    return BLOCK_SIZE if scattered and size >= BLOCK_SIZE else 1


def _plan(sharing: Sharing, number: int, cell: _Cell, size: int) -> RingPlan:
    """One cell's plan, without what makes no difference to it."""
    fans = [_fan_out(slot.weight) for slot in cell]
    scales = [math.sqrt(max(fans) / fan) if sharing.scale == "kaiming" else 1.0 for fan in fans]
    random = sharing.permute or sharing.signs
    return RingPlan(
        size=size,
        kernels=tuple(tuple(slot.readers) for slot in cell),
        scales=tuple(scales),
        std=math.sqrt(2 / max(fans)),
        even=sharing.even if len(cell) > 1 else "network",
        permute=sharing.permute,
        signs=sharing.signs,
        block=_block(sharing, size),
        gradient_factor=_gradient_factor(sharing, cell, scales, size),
        seed=sharing.seed << 20 | number if random else 0,
    )


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
