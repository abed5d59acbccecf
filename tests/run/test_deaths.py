"""A network whose training kills the whole process: twice, and then it is a record."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from nas.errors import OutageError
from nas.run import WorkerConfig, open_run, run_search
from nas.run._deaths import NotingPool
from nas.search import load_evaluations
from nas.trial import Fidelity, Task, TrialResult
from nas.workers import Pool, SimulatedPool
from tests.search.small import all_genomes, make_problem, pretend_result

if TYPE_CHECKING:
    from pathlib import Path

    from nas.run import Run
    from nas.workers import Evaluator, WorkerInfo

FORKS = multiprocessing.get_context("forkserver")
# torch takes seconds to import; here it is imported once for all the processes that die.
FORKS.set_forkserver_preload(["tests.run.killed_search"])
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


def search(path: Path, log: Path, workers: int) -> None:
    """Go on with a search; several workers die with the program, as those of a container do."""
    factory = partial(poisonous, log=log)
    several = patch(
        "nas.run._search.make_pool",
        lambda _, factory, **options: SimulatedPool(factory, num_workers=workers),
    )
    with several if workers > 1 else nullcontext():
        run_search(open_run(path), WorkerConfig(workers="local"), factory=factory)


@pytest.mark.parametrize(
    ("workers", "deaths"),
    [pytest.param(1, 2, id="one worker"), pytest.param(4, 3, id="several workers")],
)
def test_a_poison_network_is_given_up(
    make_session: Callable[..., Run], tmp_path: Path, workers: int, deaths: int
) -> None:
    """After two deaths of the program, of which one came while nothing else was in training."""
    run, log = make_session(budget=8, sampler="random"), tmp_path / "log"
    statuses = []
    for _ in range(deaths + 1):
        process = FORKS.Process(target=search, args=(run.folder.path, log, workers))
        process.start()
        process.join()
        statuses.append(process.exitcode)

    assert statuses == [137] * deaths + [0]
    trained = [int(line) for line in log.read_text().splitlines()]
    assert trained.count(POISONOUS) == deaths
    done = {one.number: one for one in load_evaluations(run.problem, run.address)}
    [failed] = [one for one in done.values() if one.state == "failed"]
    assert failed.number == POISONOUS
    assert failed.failure is not None
    assert failed.failure.kind == "WorkerDied"
    assert f"killed {deaths} times while it was trained, probably out of" in failed.failure.message
    assert "GB needed at least" in failed.failure.message
    assert sum(one.state in ("complete", "failed") for one in done.values()) == 8
    assert not (run.folder.path / "in_training").exists()


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
    assert not (run.folder.path / "in_training").exists()


class Hands(Pool):
    """Workers that are told what they have done: three, unless told otherwise."""

    def __init__(self, num_workers: int = 3) -> None:
        self.num_workers, self.description = num_workers, "hands"
        self.held: list[int] = []
        self.seen: list[list[int]] = []
        """What was held whenever a result was asked for."""
        self.is_lost = False

    def submit(self, task: Task) -> None:
        self.held.append(task.number)
        if self.is_lost:
            raise OutageError("Ray: the connection to the cluster is lost")

    def next_result(self, timeout_s: float | None = None) -> TrialResult | None:
        self.seen.append(list(self.held))
        return TrialResult(number=self.held.pop(0)) if self.held else None

    def close(self) -> None:
        self.held.clear()


@pytest.fixture
def drive(make_session: Callable[..., Run]) -> Drive:
    """drive() is a driver's pool, and its workers; all drivers share a run folder.

    One that is not closed has died.
    """
    run = make_session()

    def make(num_workers: int = 3) -> tuple[NotingPool, Hands]:
        hands = Hands(num_workers)
        return NotingPool(hands, run.folder, run.problem), hands

    return make


@pytest.fixture
def tasks() -> list[Task]:
    """Of forty networks, by their number."""
    problem = make_problem()
    legal = (one for one in map(problem.candidate, all_genomes(problem.space)) if not one.reason)
    archs = list({one.arch.id: one.arch for one in legal}.values())[:40]
    how = Fidelity(epochs=1)
    return [
        Task(number=number, arch=arch, fidelity=how, seed=0) for number, arch in enumerate(archs)
    ]


Drive = Callable[..., tuple[NotingPool, Hands]]


def kill_driver(drive: Drive, tasks: list[Task], num_workers: int = 3) -> None:
    """A driver dies with these tasks under way."""
    pool, hands = drive(num_workers)
    for task in tasks:
        pool.submit(task)
    assert hands.held == [task.number for task in tasks]


def test_whoever_died_in_company_twice_is_trained_alone(drive: Drive, tasks: list[Task]) -> None:
    kill_driver(drive, tasks[:3])
    kill_driver(drive, tasks[:3])
    pool, hands = drive()
    for task in tasks[:6]:
        pool.submit(task)

    results = [pool.next_result() for _ in range(6)]
    assert all(result is not None and result.failure is None for result in results)
    assert hands.seen == [[0], [1], [2], [3, 4, 5], [4, 5], [5]]
    assert [line.partition(" was")[0] for line in pool.take_notes()] == [
        "trial 0",
        "trial 1",
        "trial 2",
    ]


def test_many_suspects_are_not_trained_one_by_one(drive: Drive, tasks: list[Task]) -> None:
    """Of hundreds of workers nearly all would have nothing to do for hours."""
    kill_driver(drive, tasks[:32], num_workers=32)
    kill_driver(drive, tasks[:32], num_workers=32)
    pool, hands = drive(32)
    for task in tasks:
        pool.submit(task)
    assert hands.held == [0, 1]
    assert "with at most 1 more beside it" in pool.take_notes()[0]

    pool, hands = drive(32)
    for task in tasks[:1]:
        pool.submit(task)
    for task in tasks[2:]:
        pool.submit(task)
    assert hands.held == [0]
    assert pool.next_result() is not None
    assert pool.next_result() is not None
    assert hands.seen == [[0], [2, 3]]


def test_a_worker_that_comes_later_is_put_to_work(drive: Drive, tasks: list[Task]) -> None:
    """Whoever is beside the others then was not alone."""
    for _ in range(2):
        pool, hands = drive(1)
        for task in tasks[:3]:
            pool.submit(task)
        assert hands.held == [0]
        hands.num_workers = 3
        pool.submit(tasks[3])
        assert hands.held == [0, 1, 2]
    pool, hands = drive()
    pool.submit(tasks[0])
    pool.submit(tasks[3])

    assert hands.held == [0]


def test_only_what_was_alone_at_the_end_is_given_up(drive: Drive, tasks: list[Task]) -> None:
    kill_driver(drive, tasks[:3])
    kill_driver(drive, tasks[:3])
    pool, hands = drive()
    for task in tasks[:3]:
        pool.submit(task)
    assert hands.held == [0]

    results = {result.number: result for result in finish(drive, tasks[:3])}
    failure = results[0].failure
    assert failure is not None
    assert (failure.kind, results[0].worker) == ("WorkerDied", "no worker")
    assert "killed 3 times while it was trained" in failure.message
    assert results[1].failure is results[2].failure is None


def finish(drive: Drive, tasks: list[Task]) -> list[TrialResult]:
    """What a driver that lives to the end makes of them."""
    pool, _ = drive()
    with pool:
        for task in tasks:
            pool.submit(task)
        return [result for _ in tasks if (result := pool.next_result()) is not None]


def test_one_death_of_a_driver_changes_nothing(drive: Drive, tasks: list[Task]) -> None:
    kill_driver(drive, tasks[:3])
    pool, hands = drive()
    for task in tasks[:8]:
        pool.submit(task)

    assert hands.held == [0, 1, 2]
    assert pool.take_notes() == []


def test_what_waits_in_line_is_not_suspected(drive: Drive, tasks: list[Task]) -> None:
    for _ in range(2):
        pool, hands = drive()
        for task in tasks:
            pool.submit(task)
        assert hands.held == [0, 1, 2]
    pool, hands = drive()
    for task in tasks[3:]:
        pool.submit(task)

    assert hands.held == [3, 4, 5]


def test_drivers_beside_each_other_have_notes_of_their_own(
    drive: Drive, tasks: list[Task]
) -> None:
    """One that takes over what another died of knows of it; one that ends takes its own back."""
    kill_driver(drive, tasks[:2])
    kill_driver(drive, tasks[:2])
    other, _ = drive()
    with other:
        other.submit(tasks[5])
    pool, hands = drive()
    pool.submit(tasks[0])
    pool.submit(tasks[5])

    assert hands.held == [0]


def test_a_driver_that_ends_takes_its_notes_back(drive: Drive, tasks: list[Task]) -> None:
    kill_driver(drive, tasks[:3])
    for _ in range(3):
        pool, hands = drive()
        with pool:
            for task in tasks[:3]:
                pool.submit(task)
            assert hands.held == [0, 1, 2]


def test_what_has_come_is_handed_out_though_the_workers_are_lost(
    make_session: Callable[..., Run], tasks: list[Task]
) -> None:
    run, hands = make_session(), Hands()
    pool = NotingPool(hands, run.folder, run.problem)
    for task in tasks[:4]:
        pool.submit(task)
    assert pool.next_result() is not None
    hands.is_lost = True

    results = [pool.next_result() for _ in range(3)]
    assert [result and result.number for result in results] == [1, 2, 3]


def test_a_note_that_was_cut_short_counts_for_nothing(
    drive: Drive, tasks: list[Task], tmp_path: Path
) -> None:
    kill_driver(drive, tasks[:3])
    kill_driver(drive, tasks[:3])
    for note in (tmp_path / "run" / "in_training").iterdir():
        note.write_text("")

    assert all(result.failure is None for result in finish(drive, tasks[:3]))
