"""Faults injected into searches: what is lost, trained twice for nothing, or stuck.

Every fault meets a search of its own (56 settings, pretended trainings, in process), in a process
that is forked for it. The search is then resumed until its budget is spent, and checked: no
result that was recorded is missing or changed (lost), no network whose result was recorded was
trained again (duplicated), and it came to its end within a minute (else stuck).

    python benchmarks/faults.py [--faults 200] [--seed 0] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import errno
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from nas.errors import NasError
from nas.run import SearchSettings, WorkerConfig, create_run, open_run, run_search
from nas.search import load_evaluations
from nas.trial import Evaluation, Fidelity, Scores, Task, TrialResult

SPACE = """
stem: {conv: {channels: {choice: [4, 8, 16]}, stride: 2}}
stages:
  - channels: {choice: [8, 16, 32]}
    depth: {range: [1, 3]}
    transition: conv
    block: {choice: [conv, separable]}
head: gap_linear
"""
BUDGET = 20
STUCK_S = 60.0
LOCAL = WorkerConfig(workers="local")


@dataclass(slots=True)
class Lab:
    """One search, and what is done to it."""

    folder: Path
    rng: random.Random
    url: str | None = None

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.folder / "run"

    @property
    def trained(self) -> Path:
        """The ids of networks trained, one a line, across all processes."""
        return self.folder / "trained.txt"

    def begin(self) -> None:
        """Make the run folder."""
        labels = np.arange(90) % 3
        images = np.random.default_rng(0).integers(0, 40, (90, 8, 8), dtype=np.uint8)
        np.savez(self.folder / "data.npz", images=images, labels=labels)
        (self.folder / "space.yaml").write_text(SPACE)
        settings = SearchSettings(
            space=str(self.folder / "space.yaml"),
            data=str(self.folder / "data.npz"),
            budget=BUDGET,
            objectives=("accuracy", "params"),
            sampler="random",
            fidelity=Fidelity(epochs=1),
            storage=self.url,
            study="faults",
            task_timeout_s=1.0,
        )
        create_run(settings, self.run)
        self.trained.touch()

    def records(self) -> dict[int, Evaluation]:
        """Results that the study holds, by trial."""
        run = open_run(self.run)
        found = load_evaluations(run.problem, run.address)
        return {one.number: one for one in found if one.state in ("complete", "failed")}

    def search(self, at: int | None = None, fault: Callable[[], object] = lambda: None) -> int:
        """Go on in a process of its own; `fault` happens in training number `at`. Its status."""
        child = self.fork(at, fault)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def fork(self, at: int | None = None, fault: Callable[[], object] = lambda: None) -> int:
        """The same, without waiting for its end. Its process id."""
        sys.stdout.flush()
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            run_search(open_run(self.run), LOCAL, factory=lambda info: self._pretend(at, fault))
            status = 0
        except NasError:
            status = 2
        except KeyboardInterrupt:
            status = 130
        finally:
            os._exit(status)

    def _pretend(
        self, at: int | None, fault: Callable[[], object]
    ) -> Callable[[Task], TrialResult]:
        calls = iter(range(10_000))

        def evaluate(task: Task) -> TrialResult:
            if next(calls) == at:
                fault()
            time.sleep(0.002)
            with self.trained.open("a") as file:
                file.write(f"{task.arch.id}\n")
            accuracy = int(task.arch.id[:6], 16) / 2**24
            scores = Scores(accuracy=accuracy, loss=1 - accuracy, train_s=0.0)
            return TrialResult(number=task.number, scores=scores, weights=task.arch.id.encode())

        return evaluate


# -- faults ------------------------------------------------------------------------------------


def send(number: int) -> Callable[[Lab], None]:
    """A signal at any moment of the process, not only in a training."""

    def inject(lab: Lab) -> None:
        child = lab.fork()
        time.sleep(lab.rng.uniform(0.0, 0.4))
        with suppress(ProcessLookupError):
            os.kill(child, number)
        os.waitpid(child, 0)

    return inject


def die_in_training(lab: Lab) -> None:
    """As a segmentation fault would have it."""
    lab.search(lab.rng.randrange(BUDGET), lambda: os._exit(137))


def poison(lab: Lab) -> None:
    """The same network kills the process whenever it is trained, until it is given up."""
    at = lab.rng.randrange(BUDGET - 1)
    lab.search(at, lambda: os._exit(137))
    lab.search(0, lambda: os._exit(137))


def fail(lab: Lab) -> None:
    """A training ends in an exception: a record, and nothing else."""
    lab.search(lab.rng.randrange(BUDGET), lambda: 1 // 0)


def hang(lab: Lab) -> None:
    """A training takes longer than it may, once."""
    lab.search(lab.rng.randrange(BUDGET), lambda: time.sleep(30))


def sleep_of_the_machine(lab: Lab) -> None:
    """The whole process is stopped for longer than a training may take."""
    child = lab.fork()
    time.sleep(0.1)
    os.kill(child, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(child, signal.SIGCONT)
    os.waitpid(child, 0)


def torn_tail(lab: Lab) -> None:
    """Killed within a write: the journal's last line is incomplete."""
    lab.search(lab.rng.randrange(2, BUDGET), lambda: os._exit(137))
    with (lab.run / "study.journal").open("ab") as journal:
        journal.write(b'{"op_code": 5, "worker_id": "x", "trial'[: lab.rng.randrange(1, 39)])


def zeros_in_the_tail(lab: Lab) -> None:
    """A machine that lost power: blocks were allocated and never written."""
    lab.search(lab.rng.randrange(2, BUDGET), lambda: os._exit(137))
    with (lab.run / "study.journal").open("ab") as journal:
        journal.write(bytes(lab.rng.randrange(1, 4096)))


def full_disk(lab: Lab) -> None:
    """From some write on, there is no space left."""

    def fill() -> None:
        def refuse(*_: object, **__: object) -> Any:
            raise OSError(errno.ENOSPC, "No space left on device")

        Path.write_bytes = refuse  # type: ignore[method-assign]

    lab.search(lab.rng.randrange(BUDGET), fill)


def clock_back(lab: Lab) -> None:
    """The wall clock jumps back by a day."""

    def jump() -> None:
        plain = time.time
        time.time = lambda: plain() - 86_400

    lab.search(lab.rng.randrange(BUDGET), jump)


def half_written_files(lab: Lab) -> None:
    """Drafts of files that a killed process left behind."""
    lab.search(lab.rng.randrange(2, BUDGET), lambda: os._exit(137))
    for path in [*lab.run.glob("weights/*"), lab.run / "front.csv"]:
        path.with_name(path.name + ".part").write_bytes(b"half")


def locked_database(lab: Lab) -> None:
    """Somebody else holds the database for some seconds."""

    def lock() -> None:
        if os.fork():
            time.sleep(0.2)
            return
        with sqlite3.connect(lab.folder / "study.db", isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(7)
        os._exit(0)

    lab.search(lab.rng.randrange(BUDGET), lock)


JOURNAL: dict[str, Callable[[Lab], None]] = {
    "kill -9 at any moment": send(signal.SIGKILL),
    "Ctrl-C at any moment": send(signal.SIGINT),
    "SIGTERM at any moment": send(signal.SIGTERM),
    "SIGHUP at any moment": send(signal.SIGHUP),
    "process dies in a training": die_in_training,
    "poison network": poison,
    "training raises": fail,
    "training hangs": hang,
    "machine sleeps": sleep_of_the_machine,
    "journal's last line torn": torn_tail,
    "zeros at the journal's end": zeros_in_the_tail,
    "disk full": full_disk,
    "clock jumps back": clock_back,
    "half-written files": half_written_files,
}
SQLITE: dict[str, Callable[[Lab], None]] = {
    "SQLite: kill -9": send(signal.SIGKILL),
    "SQLite: locked for 7 s": locked_database,
}
FAULTS = JOURNAL | SQLITE


# -- the campaign --------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What faults of one kind did."""

    faults: int = 0
    lost: int = 0
    duplicated: int = 0
    stuck: int = 0
    recovery_s: list[float] = field(default_factory=list)


def inject(name: str, seed: int) -> Tally:
    """One fault on a fresh search, and what became of it."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), random.Random(f"{name} {seed}"))
        if name in SQLITE:
            lab.url = f"sqlite:///{folder}/study.db"
        lab.begin()
        FAULTS[name](lab)
        began_s, known = time.monotonic(), lab.records()
        trained = len(lab.trained.read_text().split())
        while len(lab.records()) < BUDGET and time.monotonic() - began_s < STUCK_S:
            lab.search()
        recovery_s, records = time.monotonic() - began_s, lab.records()
        later = set(lab.trained.read_text().split()[trained:])
        return Tally(
            faults=1,
            lost=sum(records.get(number) != one for number, one in known.items()),
            duplicated=len(later & {one.arch.id for one in known.values()}),
            stuck=int(len(records) < BUDGET),
            recovery_s=[recovery_s],
        )


def campaign(count: int, seed: int, names: tuple[str, ...] = tuple(FAULTS)) -> dict[str, Tally]:
    """`count` faults, of all kinds in turns."""
    import torch  # before the forks, so that each need not load it

    torch.set_num_threads(1)
    tallies: dict[str, Tally] = defaultdict(Tally)
    for number in range(count):
        name = names[number % len(names)]
        one, total = inject(name, seed + number), tallies[name]
        total.faults += one.faults
        total.lost += one.lost
        total.duplicated += one.duplicated
        total.stuck += one.stuck
        total.recovery_s += one.recovery_s
    return dict(tallies)


def table(tallies: dict[str, Tally]) -> str:
    """Markdown, one row a kind."""
    rows = [
        "| fault | injected | results lost | trained twice for nothing | stuck | resumed in s |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    rows += [
        f"| {name} | {one.faults} | {one.lost} | {one.duplicated} | {one.stuck} | "
        f"{median(one.recovery_s):.1f} |"
        for name, one in tallies.items()
    ]
    every = tallies.values()
    rows.append(
        f"| **all** | {sum(one.faults for one in every)} | {sum(one.lost for one in every)} | "
        f"{sum(one.duplicated for one in every)} | {sum(one.stuck for one in every)} | "
        f"{median([s for one in every for s in one.recovery_s]):.1f} |"
    )
    return "\n".join(rows)


def main() -> None:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    text = table(campaign(options.faults, options.seed))
    print(text)
    if options.markdown:
        options.markdown.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
