"""Every network of `lru_vgnet_small`, trained on Fashion-MNIST on a ladder of fidelities.

What is trained, how, and the file that keeps it: one line for each network and seed, with one
accuracy for each rung. `benchmarks/make_table.py` makes the file, `nas bench` searches in it.
"""

from __future__ import annotations

import itertools
import json
import random
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import nas
from nas.metrics import parse_objectives
from nas.model import build_model
from nas.proxy import train_proxy
from nas.search import Problem
from nas.space import load_space
from nas.train import proxy_seed, seeded
from nas.trial import Failure, Fidelity, Scores, TrialResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nas.arch import Architecture
    from nas.data import ImageData
    from nas.search import Candidate
    from nas.trial import Task
    from nas.workers import Evaluator, Factory, WorkerInfo

SPACE = "lru_vgnet_small"
DATA = "fashion_mnist"
FILE = "trainings.jsonl"
SEEDS = (0, 1)
_PLAIN: dict[str, Any] = {"train_images": 1_200, "val_images": 2_500, "batch_size": 32}
RUNGS = tuple(
    Fidelity(epochs=epochs, resolution=side, **_PLAIN)
    for epochs, side in ((1, 14), (2, 14), (1, None), (2, None), (4, None))
)
"""Each a training of its own, annealed to its end; the last one is full training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One network and seed: a line of the file."""

    id: str
    seed: int
    accuracies: tuple[float | None, ...]
    """By rung, on validation images, in [0, 1]; None where training failed."""
    cpu_s: tuple[float, ...]
    """By rung: processor seconds of training and scoring on one thread."""
    failures: tuple[str, ...] = ()
    """Kind and message of each failure."""


def trainings_path() -> Path:
    """The file with the trainings of every network: in the package, or in the checkout."""
    package = Path(nas.__file__).parent
    inside = package / "bench" / FILE
    return inside if inside.exists() else package.parent / "results" / f"{SPACE}_table" / FILE


@cache
def table_problem() -> Problem:
    """The space as a search sees it."""
    return Problem(
        space=load_space(SPACE),
        input_shape=(1, 28, 28),
        num_classes=10,
        objectives=parse_objectives(("accuracy", "params", "macs")),
    )


@cache
def all_networks() -> Mapping[str, Candidate]:
    """Every feasible network of the space once, by id, shuffled but always in the same order.

    So the first part of an unfinished file is a random sample.
    """
    problem = table_problem()
    space = problem.space
    genomes = itertools.product(*(range(len(gene.labels)) for gene in space.genes))
    canonical = (genome for genome in genomes if space.canonical_genome(genome) == genome)
    found: dict[str, Candidate] = {}
    for candidate in map(problem.candidate, canonical):
        if candidate.reason is None:
            found.setdefault(candidate.arch.id, candidate)
    ids = sorted(found)
    random.Random(0).shuffle(ids)
    return MappingProxyType({arch_id: found[arch_id] for arch_id in ids})


def train_on_all_rungs(arch: Architecture, seed: int, data: ImageData) -> Training:
    """Train one network on each rung, from scratch each time."""
    accuracies: list[float | None] = []
    cpu_s, failures = [], []
    for fidelity in RUNGS:
        began = time.process_time()
        try:
            accuracies.append(round(_accuracy(arch, seed, data, fidelity), 4))
        except Exception as error:
            failure = Failure.from_exception(error)
            accuracies.append(None)
            failures.append(f"{failure.kind}: {failure.message}")
        cpu_s.append(round(time.process_time() - began, 2))
    return Training(
        id=arch.id,
        seed=seed,
        accuracies=tuple(accuracies),
        cpu_s=tuple(cpu_s),
        failures=tuple(failures),
    )


def _accuracy(arch: Architecture, seed: int, data: ImageData, fidelity: Fidelity) -> float:
    fixed = proxy_seed(arch.id, seed)
    channels, _, _ = data.input_shape
    with seeded(fixed):
        model = build_model(arch, in_channels=channels, num_classes=data.num_classes)
    return train_proxy(model, data, fidelity, seed=fixed).accuracy


def read_trainings(path: Path) -> list[Training]:
    """The lines of a file, a last one cut short by a kill left out; empty without a file."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")[:-1]
    return [_from_plain(json.loads(line)) for line in lines]


def append_training(path: Path, training: Training) -> None:
    """Write one line, at once and whole; what a kill left of an earlier one is cut off."""
    line = json.dumps({key: value for key, value in asdict(training).items() if value != ()})
    with path.open("a+b") as file:
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        file.write(f"{line}\n".encode())


def answer_from_curves(trainings: Mapping[str, Sequence[Training]], seed: int) -> Factory:
    """Workers that look a training up, on whichever of `RUNGS` the task asks for.

    `trainings` are by network, by seed; `train_s` is the recorded processor time.
    """

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            training, rung = trainings[task.arch.id][seed], RUNGS.index(task.fidelity)
            accuracy = training.accuracies[rung]
            assert accuracy is not None, "only networks without a failure are looked up"
            scores = Scores(accuracy=accuracy, loss=1 - accuracy, train_s=training.cpu_s[rung])
            return TrialResult(number=task.number, scores=scores)

        return evaluate

    return factory


def _from_plain(plain: dict[str, object]) -> Training:
    lists = {key: tuple(value) for key, value in plain.items() if isinstance(value, list)}
    return Training(**plain | lists)  # type: ignore[arg-type]
