"""One search to do harm to: small, quick, and watched while it lives."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
from witness import Training, Witness

from nas.errors import NasError, OutageError
from nas.run import SearchSettings, WorkerConfig, _create, create_run, open_run, run_search
from nas.run._data import check_data, read_data
from nas.run._deaths import NotingPool
from nas.search import _optuna_store, load_evaluations, probe_space
from nas.trial import Fidelity, Scores, Task, TrialResult

if TYPE_CHECKING:
    from nas.run import Run
    from nas.search import Problem, SpaceProbe
    from nas.trial import Evaluation
    from tests.run.postgresql import Server

SPACE = """
stem: {conv: {channels: {choice: [4, 8, 16]}, stride: 2}}
stages:
  - channels: {choice: [8, 16, 32]}
    depth: {range: [1, 3]}
    transition: conv
    block: {choice: [conv, separable]}
head: gap_linear
"""
BUDGET, BUDGET_IN_DATABASE = 20, 10
"""Networks of a search; a database takes long over each."""
LOCAL = WorkerConfig(workers="local")
REFUSED, OUTAGE, INTERRUPTED = 2, 75, 130
"""Exit statuses, those of the command line."""
LIKE_CTRL_C = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a search in order, as on the command line."""


def nothing() -> None:
    """No fault."""


@dataclass(slots=True)
class Lab:
    """One search, and what is done to it."""

    folder: Path
    rng: random.Random
    url: str | None = None
    workers: WorkerConfig = LOCAL
    budget: int = BUDGET
    training_s: float = 0.002
    task_timeout_s: float = 1.0
    server: Server | None = None
    """The database's, where a fault may stop it."""
    cluster: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """Nodes of a Ray cluster, the head first, where the search trains on one."""
    struck_s: float | None = None
    """When the fault struck, by the monotonic clock, where a search was to go on under it."""
    run: Path = field(init=False)
    """The run folder."""
    witness: Witness = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is seen yet."""
        self.run = self.folder / "run"
        self.witness = Witness(self.folder)

    @property
    def data(self) -> Path:
        """The images."""
        return self.folder / "data.npz"

    @property
    def journal(self) -> Path:
        """The study, where it is in the run folder."""
        return self.run / "study.journal"

    @property
    def hold(self) -> Path:
        """While this file is there, no training ends."""
        return self.folder / "hold"

    @property
    def broken(self) -> Path:
        """While this file is there, no worker can load what it needs."""
        return self.folder / "broken"

    def trainings(self) -> list[Training]:
        """Those that have ended so far."""
        return self.witness.trainings()

    @property
    def said(self) -> str:
        """The errors that searches ended with."""
        path = self.folder / "said.txt"
        return path.read_text() if path.exists() else ""

    def begin(self) -> None:
        """Make the run folder."""
        self.write_data(seed=0)
        (self.folder / "space.yaml").write_text(SPACE)
        settings = SearchSettings(
            space=str(self.folder / "space.yaml"),
            data=str(self.data),
            budget=self.budget,
            objectives=("accuracy", "params"),
            sampler="random",
            fidelity=Fidelity(epochs=1),
            storage=self.url,
            study="faults",
            task_timeout_s=self.task_timeout_s,
        )
        with patch.object(_create, "probe_space", _look_once):
            create_run(settings, self.run)
        self.witness.trained.touch()

    def write_data(self, seed: int) -> None:
        """90 images of 8x8 in three classes."""
        images = np.random.default_rng(seed).integers(0, 40, (90, 8, 8), dtype=np.uint8)
        np.savez(self.data, images=images, labels=np.arange(90) % 3)

    def records(self, run: Run | None = None) -> dict[int, Evaluation]:
        """Results that the study holds, by trial."""
        run = run or open_run(self.run, storage=self.url)
        found = load_evaluations(run.problem, run.address)
        return {one.number: one for one in found if one.state in ("complete", "failed")}

    def note(self, run: Run | None = None) -> None:
        """Note what the study holds, where it can be read."""
        with suppress(NasError):
            self.witness.note(self.records(run).values())

    def lost(self) -> set[int]:
        """Trials whose result was seen, and is missing now or other than it was, or another's."""
        records = self.records()
        self.witness.note(records.values())
        return self.witness.lost(records) | strangers(records)

    def nobody_failed(self) -> None:
        """Assert that no network was blamed for what befell it."""
        failed = [one.number for one in self.records().values() if one.state == "failed"]
        assert not failed, f"trials {failed} failed"

    def harm(self, done_s: float | None = None) -> None:
        """Harm was done, then or now: what is known must stay, what is in training may be lost."""
        self.note()
        self.witness.harm(done_s or time.monotonic())

    def strike(self) -> None:
        """The same of a search that is to go on under it."""
        self.harm()
        self.struck_s = time.monotonic()

    def search(self, at: int | None = None, fault: Callable[[], object] = nothing) -> int:
        """Go on in a process of its own; `fault` happens in training number `at`. Its status."""
        return self.ended(self.fork(at, fault))

    def ended(self, child: int, done_s: float | None = None) -> int:
        """The status of a search, once it has ended; a bad end is harm, done then if not now."""
        status = status_of(child)
        if status == 0:
            self.note()
        else:
            self.harm(done_s)
        return status

    def end(self, child: int, number: int) -> int:
        """Send a search a signal. Its status, once it has ended."""
        sent_s = time.monotonic()
        os.kill(child, number)
        return self.ended(child, sent_s)

    def fork(
        self,
        at: int | None = None,
        fault: Callable[[], object] = nothing,
        *,
        before: Callable[[], object] = nothing,
        join: bool = False,
    ) -> int:
        """The same, without waiting for its end; `before` it begins. Its process id."""
        sys.stdout.flush()
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            # A background job of a shell ignores Ctrl-C, and all its children with it.
            for one in LIKE_CTRL_C:
                signal.signal(one, signal.default_int_handler)
            before()
            status = self._drive(at, fault, join=join)
        finally:
            os._exit(status)

    def _drive(self, at: int | None, fault: Callable[[], object], *, join: bool) -> int:
        try:
            run = open_run(self.run, storage=self.url)
            check_data(run.settings.data, run.facts.data, read_data(run.settings))
            training = Pretended(self.witness.trained, self.training_s, at, fault)
            _open_once()
            if self.workers is not LOCAL:
                _travel_by_value()
            with patch.object(NotingPool, "close", self._closed(NotingPool.close)):
                outcome = run_search(
                    run,
                    self.workers,
                    factory=training,
                    join=join,
                    on_progress=lambda _: self.note(run),
                )
        except NasError as error:
            with (self.folder / "said.txt").open("a") as file:
                file.write(f"{error}\n")
            return OUTAGE if isinstance(error, OutageError) else REFUSED
        except KeyboardInterrupt:
            return INTERRUPTED
        return INTERRUPTED if outcome.interrupted else 0

    def _closed(self, close: Callable[[NotingPool], None]) -> Callable[[NotingPool], None]:
        """The same; a bad end is harm from here on, for a Ray may take long over its own."""

        def closed(pool: NotingPool) -> None:
            if sys.exc_info()[0] is not None:
                self.witness.harm(time.monotonic())
            close(pool)

        return closed


@dataclass(frozen=True, slots=True)
class Pretended:
    """Makes an evaluator that gives a network the accuracy that its id spells."""

    trained: Path
    training_s: float
    at: int | None
    fault: Callable[[], object]

    def __call__(self, info: object) -> Callable[[Task], TrialResult]:
        """The evaluator; the fault happens in its training number `at`."""
        calls, folder = iter(range(10_000)), self.trained.parent
        if (folder / "broken").exists():
            raise OSError("the disk of this worker is gone")

        def evaluate(task: Task) -> TrialResult:
            began_s = time.monotonic()
            _write(folder / "begun.txt", f"{os.getpid()} {began_s}")
            if next(calls) == self.at:
                self.fault()
            (folder / f"worker-{getattr(info, 'index', 0)}").touch()
            time.sleep(self.training_s)
            while (folder / "hold").exists():
                time.sleep(0.05)
            _write(self.trained, f"{task.arch.id} {began_s} {time.monotonic()} {os.getpid()}")
            accuracy = accuracy_of(task.arch.id)
            scores = Scores(accuracy=accuracy, loss=1 - accuracy, train_s=0.0)
            return TrialResult(number=task.number, scores=scores, weights=task.arch.id.encode())

        return evaluate


def accuracy_of(arch_id: str) -> float:
    """What this network is pretended to come to."""
    return int(arch_id[:6], 16) / 2**24


def strangers(records: Mapping[int, Evaluation]) -> set[int]:
    """Trials whose result is that of another network."""
    return {
        number
        for number, one in records.items()
        if one.scores is not None and one.scores.accuracy != accuracy_of(one.arch.id)
    }


def _look_once(problem: Problem) -> SpaceProbe:
    """What is seen of the space: the same for every lab, and half the time of making a run."""
    if not _looks:
        _looks.append(probe_space(problem))
    return _looks[0]


_looks: list[SpaceProbe] = []


def _open_once() -> None:
    """Open a database once for all notes of a driver: each time takes a tenth of a second."""
    _optuna_store.open_database = cache(_optuna_store.open_database)  # type: ignore[assignment]


def _write(path: Path, line: str) -> None:
    """As a whole, whoever else writes there."""
    with path.open("a") as file:
        file.write(line + "\n")


def _travel_by_value() -> None:
    """Ray's workers do not find this file by name, so its contents travel to them."""
    from nas.workers._quiet_ray import ray

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])


def status_of(child: int) -> int:
    """The status of a process, once it has ended; -9 where it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
