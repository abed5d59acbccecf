"""A network whose training kills the whole process: twice, and then it is a record."""

from __future__ import annotations

import multiprocessing
import os
from functools import partial
from typing import TYPE_CHECKING

from nas.run import WorkerConfig, open_run, run_search
from nas.search import load_evaluations
from tests.search.small import pretend_result

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.run import Run
    from nas.trial import Task, TrialResult
    from nas.workers import Evaluator, WorkerInfo

FORKS = multiprocessing.get_context("forkserver")
POISONOUS = 3
"""The trial that nobody survives."""


def poisonous(info: WorkerInfo, log: Path) -> Evaluator:
    def evaluate(task: Task) -> TrialResult:
        with log.open("a") as file:
            file.write(f"{task.number}\n")
        if task.number == POISONOUS:
            os._exit(137)
        return pretend_result(task.number, task.arch)

    return evaluate


def search(path: Path, log: Path) -> None:
    factory = partial(poisonous, log=log)
    run_search(open_run(path), WorkerConfig(workers="local"), factory=factory)


def test_a_poison_network_is_given_up_after_two_deaths(
    make_session: Callable[..., Run], tmp_path: Path
) -> None:
    run, log = make_session(budget=8, sampler="random"), tmp_path / "log"
    statuses = []
    for _ in range(3):
        process = FORKS.Process(target=search, args=(run.folder.path, log))
        process.start()
        process.join()
        statuses.append(process.exitcode)

    assert statuses == [137, 137, 0]
    trained = [int(line) for line in log.read_text().splitlines()]
    assert trained.count(POISONOUS) == 2
    assert all(trained.count(number) == 1 for number in set(trained) - {POISONOUS})
    done = {one.number: one for one in load_evaluations(run.problem, run.address)}
    failure = done[POISONOUS].failure
    assert failure is not None
    assert failure.kind == "WorkerDied"
    assert "killed 2 times while it was trained, probably out of memory" in failure.message
    assert "GB needed at least" in failure.message
    assert sum(one.state in ("complete", "failed") for one in done.values()) == 8


def test_a_training_that_ends_in_any_other_way_is_no_death(
    make_session: Callable[..., Run],
) -> None:
    run = make_session(budget=3)

    def interrupting(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            raise KeyboardInterrupt

        return evaluate

    for _ in range(3):
        local = WorkerConfig(workers="local")
        assert run_search(run, local, factory=interrupting).interrupted
    assert not (run.folder.path / "in_training.json").exists()
