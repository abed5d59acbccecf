"""The table of parts: how long single blocks take on one device, each measured on its own."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nas.cost import part_cost
from nas.families import plugin_digest
from nas.latency._cache import read_json, write_json
from nas.latency._layers import KINDS, TERMS, part_terms
from nas.latency._tags import part_tags

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from nas.arch import Call
    from nas.latency._record import Workload

    Part = tuple[Call, tuple[int, int, int]]
    """A constructor call, and the shape of the feature map it is given."""

FILE = "part_table.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLatency:
    """One part's latency, and what is needed to estimate others from it."""

    tags: tuple[str, ...]
    """Its `part_tags`."""
    in_shape: tuple[int, int, int]
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
            tags=part_tags(part[0]),
            in_shape=part[1],
            terms=part_terms(*part),
            ratio=ratio,
            noisy=noisy,
        )

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            key: asdict(entry) | {"terms": entry.terms.ravel().tolist()}
            for key, entry in self.entries.items()
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> PartTable:
        """The inverse of `to_plain`."""
        return cls(
            {
                key: PartLatency(
                    tags=tuple(row["tags"]),
                    in_shape=tuple(row["in_shape"]),
                    terms=np.array(row["terms"]).reshape(len(KINDS), TERMS),
                    ratio=row["ratio"],
                    noisy=row["noisy"],
                )
                for key, row in plain.items()
            }
        )

    def save(self, folder: Path) -> None:
        """Write the table, in place of an older one."""
        write_json(folder / FILE, self.to_plain())

    @classmethod
    def load(cls, folder: Path) -> PartTable:
        """The table of `folder`; empty where there is none, or none that can be read."""
        return cls.from_plain(read_json(folder / FILE) or {})


def parts_of(workload: Workload) -> tuple[Part, ...]:
    """The parts of a network, first layer first; a block applied N times is there N times.

    Raises IllegalArchitecture.
    """
    shape, parts = workload.input_shape, []
    for call in workload.arch.calls(in_channels=shape[0], num_classes=workload.num_classes):
        parts += [(once, shape) for once in _applications(call)]
        shape = part_cost(call, shape).out_shape
    return tuple(parts)


def _applications(call: Call) -> list[Call]:
    """A part's blocks, one after the other; all of them keep their shape if they are several."""
    if call.name != "Reuse":
        return [call]
    block, times = call.kwargs["block"], call.kwargs["times"]
    return [cast("Call", block)] * cast("int", times)


def part_key(part: Part) -> str:
    """The part's name in files: equal for equal calls of equal code on equal shapes."""
    text = f"{part!r}{plugin_digest(part_tags(part[0]))}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
