"""Hundreds of workers: how busy one driver keeps them, and how soon it reports and resumes.

    python benchmarks/scale.py [--workers 256] [--seconds 2] [--trials 5000]

The engine, its loop, the ladder and the journal are those of `nas search`; only the trainings are
pretended, on a simulated clock (`nas.workers.SimulatedPool`): each takes `--seconds`, give or
take a half, and the driver's own processor time is added to the clock as it is spent. `busy` is
the share of the workers' time spent on trainings until the last network was handed out. Report
and resume are processor seconds on the journal that the search leaves.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from _common import machine_line
from rich.console import Console
from rich.table import Table

from nas.metrics import parse_objectives
from nas.search import (
    LoopEvents,
    Problem,
    SearchEngine,
    SearchLoop,
    StorageAddress,
    create_study,
    load_evaluations,
    open_store,
    probe_space,
)
from nas.space import load_space
from nas.trial import Fidelity, Scores, TrialResult
from nas.workers import SimulatedPool

if TYPE_CHECKING:
    from nas.space import Genome
    from nas.trial import Task
    from nas.workers import Evaluator, Factory, WorkerInfo

FULL = Fidelity(epochs=2)
LADDERS = {"full": (FULL,), "ladder": (Fidelity(epochs=1, resolution=14), FULL)}
WORST = (-0.1, 7.0, 9.0)
"""Accuracy of guessing, negated; decades of parameters and multiply-accumulates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One search to be simulated."""

    space: str
    sampler: str
    workers: int
    seconds: float
    trials: int
    ladder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How it went."""

    busy: float
    driver_ms: float
    """Processor time of the driver, by trial."""
    journal_mb: float
    report_s: float
    resume_s: float
    memory_mb: float
    """Greatest resident size of the process."""


def pretend(seconds: float) -> Factory:
    """Trainings whose accuracy and time follow from the network's id."""

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            chance = zlib.crc32(task.arch.id.encode()) / 2**32
            took_s = seconds * random.Random(task.arch.id).uniform(0.5, 1.5)
            accuracy = 0.5 + 0.4 * chance + 0.01 * task.fidelity.epochs
            scores = Scores(accuracy=accuracy, loss=1.0, train_s=took_s)
            return TrialResult(number=task.number, scores=scores)

        return evaluate

    return factory


class LastHandedOut(LoopEvents):
    """Notes the clock and the work done when the last network is handed out."""

    def __init__(self, pool: SimulatedPool, budget: int) -> None:
        self._pool = pool
        self._budget = budget
        self.busy: float | None = None

    def on_wait(self, loop: SearchLoop) -> None:
        """Once the budget has begun, what follows is no longer the driver's affair."""
        if self.busy is None and loop.engine.ledger.num_begun >= self._budget:
            pool = self._pool
            self.busy = pool.worked_s / (pool.now_s * pool.num_workers)


def measure(setup: Setup) -> Measured:
    """Run the search, then report and resume it."""
    problem = Problem(
        space=load_space(setup.space),
        input_shape=(1, 28, 28),
        num_classes=10,
        objectives=parse_objectives(("accuracy", "params", "macs")),
    )
    start = probe_space(problem).seed
    assert start is not None
    with tempfile.TemporaryDirectory() as folder:
        address = StorageAddress(study="scale", journal=Path(folder) / "journal")
        create_study(address, problem.objectives)
        engine = open_engine(problem, address, setup, start)
        pool = SimulatedPool(pretend(setup.seconds), num_workers=setup.workers, charge_driver=True)
        events = LastHandedOut(pool, setup.trials)
        began_s = time.process_time()
        SearchLoop(
            engine,
            pool,
            budget=setup.trials,
            rungs=LADDERS[setup.ladder],
            seed=0,
            events=events,
            poll_s=None,
        ).run()
        driver_s = time.process_time() - began_s
        assert engine.ledger.num_finished == setup.trials
        assert events.busy is not None
        report_s = timed(lambda: load_evaluations(problem, address))
        resume_s = timed(lambda: open_engine(problem, address, setup, start))
        journal_mb = Path(folder, "journal").stat().st_size / 1e6
    return Measured(
        busy=events.busy,
        driver_ms=1e3 * driver_s / setup.trials,
        journal_mb=journal_mb,
        report_s=report_s,
        resume_s=resume_s,
        memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def open_engine(
    problem: Problem, address: StorageAddress, setup: Setup, start: Genome
) -> SearchEngine:
    """The engine as `nas search` has it."""
    return SearchEngine(
        problem,
        open_store(problem, address),
        sampler=setup.sampler,
        seed=0,
        start=start,
        num_rungs=len(LADDERS[setup.ladder]),
        reference=WORST,
    )


def timed(call: object) -> float:
    """Processor seconds of a call."""
    began_s = time.process_time()
    call()  # type: ignore[operator]
    return time.process_time() - began_s


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--space", default="lru_vgnet")
    parser.add_argument("--sampler", default="model")
    parser.add_argument("--workers", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--trials", type=int, default=5_000)
    parser.add_argument("--ladder", choices=LADDERS, default="full")
    setup = Setup(**vars(parser.parse_args()))
    found = measure(setup)
    print(machine_line("optuna", "numpy"))
    table = Table(title=str(setup))
    for heading in ("busy %", "driver ms", "journal MB", "report s", "resume s", "memory MB"):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{100 * found.busy:.1f}",
        f"{found.driver_ms:.1f}",
        f"{found.journal_mb:.1f}",
        f"{found.report_s:.1f}",
        f"{found.resume_s:.1f}",
        f"{found.memory_mb:.0f}",
    )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
