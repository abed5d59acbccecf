"""The table of parts: how long single blocks take on one device, each measured on its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.cost import part_cost
from nas.latency._cache import read_json, write_json
from nas.latency._layers import KINDS, TERMS, part_terms

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from nas.arch import Call
    from nas.latency._record import Subject

    Part = tuple[Call, tuple[int, int, int]]
    """A constructor call, and the shape of the feature map it is given."""

FILE = "parts.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLatency:
    """One part's latency, and what is needed to estimate others from it."""

    name: str
    """The block's class."""
    terms: NDArray[np.float64]
    ratio: float
    """To the whole reference network."""
    noisy: bool


@dataclass(frozen=True, slots=True)
class PartTable:
    """Latencies of parts by `part_key`."""

    entries: dict[str, PartLatency] = field(default_factory=dict)

    def find(self, part: Part) -> float | None:
        """The part's ratio, where it was measured."""
        entry = self.entries.get(part_key(part))
        return None if entry is None else entry.ratio

    def is_due(self, part: Part) -> bool:
        """Whether the part should be measured: never was, or in noise only."""
        entry = self.entries.get(part_key(part))
        return entry is None or entry.noisy

    def add(self, part: Part, ratio: float, *, noisy: bool) -> None:
        """Note a measurement; noise replaces nothing."""
        key = part_key(part)
        if noisy and key in self.entries:
            return
        self.entries[key] = PartLatency(
            name=part[0].name, terms=part_terms(*part), ratio=ratio, noisy=noisy
        )

    def save(self, folder: Path) -> None:
        """Write the table, in place of an older one."""
        rows = {
            key: [entry.name, entry.ratio, entry.noisy, entry.terms.ravel().tolist()]
            for key, entry in self.entries.items()
        }
        write_json(folder / FILE, rows)

    @classmethod
    def load(cls, folder: Path) -> PartTable:
        """The table of `folder`; empty where there is none, or none that can be read."""
        rows: dict[str, Any] = read_json(folder / FILE) or {}
        return cls(
            {
                key: PartLatency(
                    name=name,
                    ratio=ratio,
                    noisy=noisy,
                    terms=np.array(terms).reshape(len(KINDS), TERMS),
                )
                for key, (name, ratio, noisy, terms) in rows.items()
            }
        )


def parts_of(subject: Subject) -> tuple[Part, ...]:
    """The parts of a network, first layer first. Raises IllegalArchitecture."""
    shape, parts = subject.input_shape, []
    calls = subject.arch.calls(in_channels=shape[0], num_classes=subject.num_classes)
    for call in calls:
        parts.append((call, shape))
        shape = part_cost(call, shape).out_shape
    return tuple(parts)


def part_key(part: Part) -> str:
    """The part's name in files: equal for equal calls on equal shapes."""
    return hashlib.sha256(repr(part).encode()).hexdigest()[:16]
