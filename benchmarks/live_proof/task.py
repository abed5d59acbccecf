"""What every contender is given: the space, the data, full training, the box it is judged in."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nas.data import load_data
from nas.metrics import parse_objectives
from nas.report import HypervolumeBox
from nas.search import Problem, probe_space
from nas.space import load_space
from nas.trial import Fidelity

if TYPE_CHECKING:
    from nas.data import ImageData
    from nas.search import Candidate

SPACE, DATA = str(Path(__file__).with_name("lru_vgnet.yaml")), "fashion_mnist"
"""The space as it was when the records were made: genomes are of its 43 genes."""
BESIDE = Path(__file__).parents[2] / "data" / "fashion-mnist"
"""Where `make data` puts it; Ray's workers start elsewhere."""
OBJECTIVES = ("accuracy", "params", "macs")
FULL = Fidelity(epochs=2, train_images=1_200, val_images=2_500, batch_size=32)
NEUTRAL = replace(FULL, epochs=4)
"""By which fronts are judged: longer, and with another seed than any search."""
NEUTRAL_SEED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A network that was trained in full."""

    at_s: float
    """Since the contender began."""
    id: str
    genome: tuple[int, ...]
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One contender with one seed."""

    contender: str
    seed: int
    seconds: float
    trained: tuple[Trained, ...]
    begun: int
    """Trainings of any length, failed ones included."""
    load_average: float


@cache
def images() -> ImageData:
    """Training and validation images."""
    return load_data(DATA, data_dir=BESIDE if BESIDE.is_dir() else None)


@cache
def problem() -> Problem:
    """The space as a search sees it."""
    return Problem(
        space=load_space(SPACE),
        input_shape=images().input_shape,
        num_classes=images().num_classes,
        objectives=parse_objectives(OBJECTIVES),
    )


@cache
def box() -> HypervolumeBox:
    """The frozen reference: guessing, at the highest cost found in the space, and the lowest."""
    ranges = probe_space(problem()).cost_ranges
    bounds = {name: (low, high) for name, low, high in ranges}
    return HypervolumeBox.of(
        problem().objectives, num_classes=problem().num_classes, bounds=bounds
    )


def network(genome: tuple[int, ...]) -> Candidate:
    """The network of a genome with its costs."""
    return problem().candidate(genome)


def append(path: Path, record: object) -> None:
    """Add one line to a file of records."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(asdict(record)) + "\n")  # type: ignore[call-overload]


def read_runs(path: Path) -> list[Run]:
    """What `append` wrote."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [_run(json.loads(line)) for line in lines]


def _run(plain: dict[str, object]) -> Run:
    trained = tuple(
        Trained(**one | {"genome": tuple(one["genome"])})  # type: ignore[attr-defined]
        for one in plain["trained"]  # type: ignore[attr-defined]
    )
    return Run(**plain | {"trained": trained})  # type: ignore[arg-type]


def load_average() -> float:
    """Of the last minute."""
    return round(os.getloadavg()[0], 1)
