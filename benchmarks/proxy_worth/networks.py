"""The networks of the comparison: spread evenly over log parameters and kinds of blocks."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from nas.cost import cost_of
from nas.errors import IllegalArchitecture
from nas.space import load_space

if TYPE_CHECKING:
    from nas.arch import Architecture

FOLDER = Path(__file__).parents[2] / "results" / "proxy_worth"
SHAPE, CLASSES = (1, 28, 28), 10
NUM_NETWORKS = 96
BANDS = 8
LOW, HIGH = 1_000, 100_000
MAX_MACS = 5_000_000
KINDS = ("lru", "half_identity", "separable", "conv")
_DRAWS = 40_000
_TURNS = 8


def draw_networks() -> list[Architecture]:
    """The same networks always; every first part of the list is spread evenly, too."""
    space, rng = load_space(str(FOLDER / "space.yaml")), random.Random(0)
    cells: dict[tuple[int, str], list[Architecture]] = defaultdict(list)
    for _ in range(_DRAWS):
        arch = space.decode(space.random_genome(rng))
        if (cell := _cell(arch)) is not None:
            cells[cell].append(arch)
    networks: dict[str, Architecture] = {}
    order = _order(rng)
    while len(networks) < NUM_NETWORKS:
        for cell in order:
            if cells[cell]:
                arch = cells[cell].pop()
                networks.setdefault(arch.id, arch)
    return list(networks.values())[:NUM_NETWORKS]


def band(params: int) -> int:
    """Number of the band of parameters, 0 to BANDS - 1."""
    return int(BANDS * math.log(params / LOW) / math.log(HIGH / LOW))


def _cell(arch: Architecture) -> tuple[int, str] | None:
    """Band and most frequent kind of block; None outside the bounds or for what is no network."""
    try:
        cost = cost_of(arch, input_shape=SHAPE, num_classes=CLASSES)
    except IllegalArchitecture:
        return None
    if not LOW <= cost.params < HIGH or cost.macs > MAX_MACS:
        return None
    blocks = Counter(stage.block.kind for stage in arch.stages for _ in range(stage.depth))
    return band(cost.params), blocks.most_common(1)[0][0]


def _order(rng: random.Random) -> list[tuple[int, str]]:
    """All cells; one turn visits each kind four times, with bands far apart."""
    bands = sorted(range(BANDS), key=lambda number: f"{number:03b}"[::-1])
    cells = [(one, kind) for one in bands for kind in KINDS]
    rng.shuffle(cells)
    cells.sort(key=lambda cell: KINDS.index(cell[1]))  # stable: bands stay shuffled within a kind
    return [cell for start in range(_TURNS) for cell in cells[start::_TURNS]]
