"""Injects faults, resumes, and counts what was lost, trained twice or stuck."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import of_clusters
import of_files
import of_processes
import of_storages
from lab import BUDGET_IN_DATABASE, Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

STUCK_S, STUCK_ON_RAY_S = 300.0, 600.0
"""A search that is not over so long after a fault is stuck, on however busy a machine."""
KINDS: dict[str, dict[str, Callable[[Lab], None]]] = {
    "process": of_processes.FAULTS,
    "files": of_files.FAULTS,
    "database": of_storages.FAULTS,
    "ray": of_clusters.FAULTS,
}
FAULTS = {name: fault for kind in KINDS.values() for name, fault in kind.items()}


@dataclass(slots=True)
class Tally:
    """What faults of one kind did."""

    faults: int = 0
    recorded: int = 0
    """Results that had been recorded when the fault was over, before the search was resumed."""
    lost: int = 0
    duplicated: int = 0
    dropped: int = 0
    """Trainings that had ended, and whose results the study did not hold, when harm was done."""
    stuck: int = 0
    surprises: list[str] = field(default_factory=list)
    """What was other than the fault's own claim: a wrong exit status, processes left behind."""
    recovery_s: list[float] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another one's faults, too."""
        self.faults += other.faults
        self.recorded += other.recorded
        self.lost += other.lost
        self.duplicated += other.duplicated
        self.dropped += other.dropped
        self.stuck += other.stuck
        self.surprises += other.surprises
        self.recovery_s += other.recovery_s


@contextmanager
def laboratory(name: str, seed: int) -> Iterator[Lab]:
    """A fresh search for a fault of this kind."""
    with tempfile.TemporaryDirectory(prefix="nas") as folder:
        lab = Lab(Path(folder), random.Random(f"{name} {seed}"))
        try:
            _prepare(lab, name)
            lab.begin()
            yield lab
        finally:
            if lab.server is not None:
                lab.server.remove()
            of_clusters.remove(lab)


def _prepare(lab: Lab, name: str) -> None:
    """Start what the search is to run on."""
    if name in of_clusters.FAULTS:
        of_clusters.prepare(lab, name)
    if name in of_storages.FAULTS:
        lab.budget = BUDGET_IN_DATABASE
    if name in of_storages.SQLITE:
        lab.url = f"sqlite:///{lab.folder}/study.db"
    if name in of_storages.POSTGRESQL:
        from tests.run.postgresql import Server

        lab.server = Server.create()
        lab.url = lab.server.url


def inject(name: str, seed: int) -> Tally:
    """One fault on a fresh search, and what became of it."""
    with laboratory(name, seed) as lab:
        surprises = []
        try:
            FAULTS[name](lab)
        except AssertionError as error:
            surprises = [f"{name}, seed {seed}: {error}"]
        gone, recorded = lab.lost(), len(lab.witness.results())
        began_s = time.monotonic()
        is_over = _resume(lab, STUCK_ON_RAY_S if name in of_clusters.FAULTS else STUCK_S)
        struck_s = lab.struck_s or began_s
        later = [one.ended_s - struck_s for one in lab.trainings() if one.ended_s > struck_s]
        return Tally(
            faults=1,
            recorded=recorded,
            lost=len(gone | lab.lost()),
            duplicated=lab.witness.trained_twice(),
            dropped=lab.witness.dropped(),
            stuck=int(not is_over),
            surprises=surprises,
            recovery_s=[min(later)] if later else [],
        )


def _resume(lab: Lab, patience_s: float) -> bool:
    """Go on until the budget is spent, or the patience; whether the budget is."""
    began_s = time.monotonic()
    while not (is_over := len(lab.records()) >= lab.budget):
        if time.monotonic() - began_s >= patience_s:
            break
        lab.search()
    return is_over


def possible(kinds: Sequence[str] = tuple(KINDS)) -> list[str]:
    """Names of the faults that can be injected on this machine."""
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    from tests.run.postgresql import tool

    names = [name for kind in kinds for name in KINDS[kind]]
    return [name for name in names if name not in of_storages.POSTGRESQL or tool("initdb")]


def campaign(
    count: int, seed: int, names: Sequence[str], *, verbose: bool = False
) -> dict[str, Tally]:
    """`count` faults, of all names in turns."""
    import torch  # before the forks, so that each need not load it

    torch.set_num_threads(1)
    tallies: dict[str, Tally] = defaultdict(Tally)
    for number in range(count):
        name = names[number % len(names)]
        one = inject(name, seed + number)
        tallies[name].add(one)
        if verbose or one.lost or one.duplicated or one.stuck or one.surprises:
            print(number, name, one, flush=True)
    return dict(tallies)


def table(tallies: dict[str, Tally]) -> str:
    """Markdown, one row a kind."""
    rows = [
        "| fault | injected | results recorded | lost | trained twice for nothing | "
        "finished results dropped | stuck | unexpected | next result after s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    every = Tally()
    for one in tallies.values():
        every.add(one)
    for name, one in [*tallies.items(), ("**all**", every)]:
        rows.append(
            f"| {name} | {one.faults} | {one.recorded} | {one.lost} | {one.duplicated} | "
            f"{one.dropped} | {one.stuck} | {len(one.surprises)} | {_seconds(one.recovery_s)} |"
        )
    return "\n".join(rows)


def _seconds(measured: list[float]) -> str:
    """The median, and the longest; a dash where nothing was left to train."""
    return f"{median(measured):.1f}, at most {max(measured):.1f}" if measured else "-"
