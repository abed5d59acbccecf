"""Kernel and map figures by stage and role: what tables, pictures and suggestions speak of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.inspect._depthwise import label_shares

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence
    from typing import TypeVar

    from nas.inspect._depthwise import KernelLayer
    from nas.inspect._maps import MapChange
    from nas.inspect._parts import Role
    from nas.inspect._prototypes import Label

    Item = TypeVar("Item", KernelLayer, MapChange)

_PLURALS = {"transition": "transition", "block": "blocks", "stem": "stem", "head": "head"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelGroup:
    """The depthwise layers of one section that play one role, at one stride."""

    section: str
    stage: int | None
    role: Role
    stride: int
    layers: tuple[KernelLayer, ...]

    @property
    def title(self) -> str:
        """Role and stride: `transition, stride 2`."""
        return _PLURALS[self.role] + (f", stride {self.stride}" if self.stride > 1 else "")

    @property
    def fixed(self) -> bool:
        """Whether all kernels were given, not learned."""
        return all(layer.fixed for layer in self.layers)

    @property
    def num_kernels(self) -> int:
        """Kernels of all layers."""
        return sum(len(layer.labels) for layer in self.layers)

    @property
    def shares(self) -> dict[Label, float]:
        """Share of every label among the kernels."""
        return label_shares(self.layers)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChangeGroup:
    """What the parts of one section that play one role made of their inputs, on average."""

    section: str
    stage: int | None
    role: Role
    changes: tuple[MapChange, ...]

    @property
    def title(self) -> str:
        """The role."""
        return _PLURALS[self.role]

    def mean(self, figure: str) -> float:
        """Mean of a figure of `MapChange`, by its name."""
        values = [float(getattr(change, figure)) for change in self.changes]
        return sum(values) / len(values)


def kernel_groups(layers: Sequence[KernelLayer]) -> tuple[KernelGroup, ...]:
    """Layers by section, role and stride, in order of appearance."""
    split: dict[Hashable, list[KernelLayer]] = {}
    for layer in layers:
        split.setdefault((layer.section, layer.role, layer.stride), []).append(layer)
    return tuple(
        KernelGroup(
            section=one[0].section,
            stage=one[0].stage,
            role=one[0].role,
            stride=one[0].stride,
            layers=tuple(one),
        )
        for one in split.values()
    )


def change_groups(changes: Iterable[MapChange]) -> tuple[ChangeGroup, ...]:
    """Changes by section and role, in order of appearance."""
    split: dict[Hashable, list[MapChange]] = {}
    for change in changes:
        split.setdefault((change.part.section, change.part.role), []).append(change)
    return tuple(
        ChangeGroup(
            section=one[0].part.section,
            stage=one[0].part.stage,
            role=one[0].part.role,
            changes=tuple(one),
        )
        for one in split.values()
    )
