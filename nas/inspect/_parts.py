"""Which module of a built network stands where in its architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import nn

    from nas.arch import Architecture
    from nas.model import Network

Role = Literal["stem", "transition", "block", "head"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacedPart:
    """Stem, transition, block or head: one call of the architecture, as a module."""

    section: str
    """As `Architecture.sections` has it: stem, stage 1, ..., head."""
    stage: int | None
    """Position among the architecture's stages, from 0; None for stem and head."""
    role: Role
    title: str
    """What it is within its section: `block 2`."""
    name: str
    """The module's name in the network: `body.4`."""
    module: nn.Module


def placed_parts(
    arch: Architecture, network: Network, *, in_channels: int, num_classes: int
) -> tuple[PlacedPart, ...]:
    """All parts of `network`, which was built from `arch`, first layer first."""
    parts: list[PlacedPart] = []
    sections = arch.sections(in_channels, num_classes)
    body = iter(network.body.named_children())
    for number, (section, calls) in enumerate(sections):
        stage = number - 1 if 0 < number < len(sections) - 1 else None
        for turn in range(len(calls)):
            role: Role = "head" if number else "stem"
            title = name = str(role)
            if stage is None:
                module = network.get_submodule(name)
            else:
                inner, module = next(body)
                name = f"body.{inner}"
                role, title = _place(arch, stage, turn, len(calls))
            parts.append(
                PlacedPart(
                    section=section, stage=stage, role=role, title=title, name=name, module=module
                )
            )
    return tuple(parts)


def _place(arch: Architecture, stage: int, turn: int, num_calls: int) -> tuple[Role, str]:
    entered = max(0, num_calls - arch.stages[stage].depth)
    if turn < entered:
        return "transition", "transition"
    return "block", f"block {turn - entered + 1}"
