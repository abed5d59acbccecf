"""How a network uses its parameter rings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from nas.sharing import Ring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from nas.inspect._parts import PlacedPart


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RingUse:
    """One ring: its values, how many weights read each of them, and whose weights these are."""

    values: Tensor
    """(N,) on the CPU."""
    uses: Tensor
    """(N,) int64: weights that read each element, over all layers."""
    readers: tuple[tuple[str, int], ...]
    """Sections of the network and how many weights of theirs read the ring."""


def ring_uses(network: nn.Module, parts: tuple[PlacedPart, ...]) -> tuple[RingUse, ...]:
    """Every ring of `network`, in order; empty where nothing is shared."""
    sections = {module: part.section for part in parts for module in part.module.modules()}
    rings = [module for module in network.modules() if isinstance(module, Ring)]
    return tuple(_use(ring, sections) for ring in rings)


def _use(ring: Ring, sections: Mapping[nn.Module, str]) -> RingUse:
    places = ring.places()
    uses = torch.zeros(len(ring.values), dtype=torch.int64)
    readers: dict[str, int] = {}
    neighbours = torch.arange(ring.block)
    for index, shape, group in zip(
        torch.split(places.index, places.blocks), ring.shapes, ring.layers, strict=True
    ):
        starts = index.to("cpu", torch.int64) * ring.block
        # The ring's last block ends where the ring does.
        elements = (starts.clamp(max=len(uses) - ring.block)[:, None] + neighbours).view(-1)
        # What the last block of a kernel has too much is read by nobody.
        uses += len(group) * torch.bincount(elements[: shape.numel()], minlength=len(uses))
        for layer in group:
            section = sections[layer]
            readers[section] = readers.get(section, 0) + shape.numel()
    return RingUse(values=ring.values.detach().cpu(), uses=uses, readers=tuple(readers.items()))
