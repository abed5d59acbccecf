"""Several drivers on one study: one budget, no network twice, and nothing lost with a driver."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import pytest

from nas.clock import AwakeClock
from nas.search import SearchEngine, SearchLoop, StorageAddress, _loop, create_study, open_store
from nas.search import _drivers as drivers
from nas.trial import Fidelity, Scores, TrialResult
from nas.workers import SimulatedPool
from tests.search.small import MEDIUM, all_genomes, make_problem, pretend

if TYPE_CHECKING:
    from pathlib import Path

    from nas.search import Problem
    from nas.trial import Task
    from nas.workers import Evaluator, WorkerInfo

RUNGS = (Fidelity(epochs=1), Fidelity(epochs=2))
WORST = (0.0, 9.0, 9.0)
BUDGET = 24


def lasting(info: WorkerInfo) -> Evaluator:
    def evaluate(task: Task) -> TrialResult:
        accuracy = pretend(task.arch).accuracy
        scores = Scores(accuracy=accuracy, loss=1.0, train_s=1 + accuracy)
        return TrialResult(number=task.number, scores=scores)

    return evaluate


class Driver(SearchLoop):
    """One of several; remembers what it trained."""

    def __init__(
        self, problem: Problem, address: StorageAddress, rungs: int = 1, seat: str = ""
    ) -> None:
        genomes = all_genomes(problem.space)
        start = next(genome for genome in genomes if problem.candidate(genome).reason is None)
        store = open_store(problem, address, alone=False)
        self.trained: list[tuple[str, int]] = []
        super().__init__(
            SearchEngine(
                problem,
                store,
                sampler="evolution",
                seed=0,
                start=start,
                num_rungs=rungs,
                reference=WORST,
                shared=store,
                seat=seat,
            ),
            SimulatedPool(self.watched, num_workers=3),
            budget=BUDGET,
            rungs=RUNGS[-rungs:],
            seed=0,
            poll_s=None,
        )

    def watched(self, info: WorkerInfo) -> Evaluator:
        evaluate = lasting(info)

        def answer(task: Task) -> TrialResult:
            self.trained.append((task.arch.id, task.fidelity.epochs))
            return evaluate(task)

        return answer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drivers that wait for each other look up often."""
    monkeypatch.setattr(_loop, "POLL_S", 0.02)


@pytest.fixture
def medium() -> Problem:
    return make_problem(MEDIUM)


@pytest.fixture(params=["journal", "sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def shared(request: pytest.FixtureRequest, tmp_path: Path, medium: Problem) -> StorageAddress:
    if request.param == "journal":
        address = StorageAddress(study="small", journal=tmp_path / "study.journal")
    elif request.param == "postgresql":
        address = StorageAddress(study=tmp_path.name, url=request.getfixturevalue("server").url)
    else:
        address = StorageAddress(study="small", url=f"sqlite:///{tmp_path / 'studies.db'}")
    create_study(address, medium.objectives)
    return address


def check_whole(medium: Problem, *loops: Driver) -> None:
    """Every network once on each rung, and both drivers know all of it."""
    trained = [one for loop in loops for one in loop.trained]
    assert len(trained) == len(set(trained))
    ledgers = [loop.engine.ledger for loop in loops]
    for ledger in ledgers:
        assert ledger.num_finished == BUDGET
        assert not ledger.pending
        assert not ledger.paused
    assert all(ledger.evaluations == ledgers[0].evaluations for ledger in ledgers)


@pytest.mark.parametrize("rungs", [1, 2])
def test_two_drivers_spend_one_budget_on_different_networks(
    medium: Problem, shared: StorageAddress, rungs: int
) -> None:
    one, other = Driver(medium, shared, rungs), Driver(medium, shared, rungs)
    with one.engine.alive(), other.engine.alive():
        more = [True, True]
        while any(more):
            more = [one.step(), other.step()]
        for loop in (one, other):
            loop.engine.finish()
        with one.engine.turn():
            pass

    assert min(len(one.trained), len(other.trained)) > BUDGET // 4
    check_whole(medium, one, other)


def test_the_trials_of_a_driver_that_is_gone_are_taken_over(
    medium: Problem, shared: StorageAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, heir = Driver(medium, shared), Driver(medium, shared)
    lost.engine._drivers._store.beat(1e12)  # type: ignore[union-attr] - alive for ages
    for _ in range(5):
        lost.step()
    under_way = set(lost.running)
    assert len(under_way) >= 2
    for _ in range(60):
        heir.step()
    assert heir.engine.waits_for_others, "a driver that is alive keeps its trials"
    assert heir.engine.ledger.num_finished == BUDGET - len(under_way)

    lost.engine._drivers._store.beat(0.0)  # type: ignore[union-attr]
    heir.run()
    assert heir.engine.ledger.num_finished == BUDGET
    assert not heir.engine.ledger.pending
    # What comes back from the dead is not recorded twice.
    for number in under_way:
        scores = Scores(accuracy=0.999, loss=0.0, train_s=0.0)
        assert not lost.engine.record(TrialResult(number=number, scores=scores))
    assert lost.engine.ledger.evaluations == heir.engine.ledger.evaluations


def test_drivers_in_threads_of_their_own(medium: Problem, shared: StorageAddress) -> None:
    loops = [Driver(medium, shared, rungs=2) for _ in range(2)]
    threads = [threading.Thread(target=loop.run) for loop in loops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for loop in loops:
        with loop.engine.turn():
            pass

    check_whole(medium, *loops)


def test_a_driver_gives_signs_of_life_until_it_leaves(
    medium: Problem, shared: StorageAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers, "BEAT_S", 0.01)
    one, other = Driver(medium, shared), Driver(medium, shared)
    names = [loop.engine._drivers.name for loop in (one, other) if loop.engine._drivers]
    with one.engine.alive():
        with other.engine.turn():
            pass
        assert other.engine.others == {names[0]}
    with other.engine.turn():
        pass
    assert not other.engine.others


def test_nothing_is_written_after_the_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign of life on its way to a slow database is waited for."""
    under_way, signs = threading.Event(), []

    class SlowStore:
        driver = ""

        def beat(self, at_s: float) -> None:
            if threading.current_thread() is not threading.main_thread():
                under_way.set()
                time.sleep(0.05)
            signs.append(at_s)

        def beats(self) -> dict[str, float]:
            return {}

    monkeypatch.setattr(drivers, "BEAT_S", 0.001)
    with drivers.Drivers(SlowStore()).alive():
        under_way.wait()
    time.sleep(0.1)

    assert signs[-1] == 0.0


def test_whoever_had_the_seat_before_is_gone_without_a_wait(
    medium: Problem, shared: StorageAddress
) -> None:
    killed = Driver(medium, shared, seat="folder")
    with killed.engine.alive():
        killed.step()
        under_way = set(killed.running)
        heir = Driver(medium, shared, seat="folder")
        stranger = Driver(medium, shared, seat="another")
        assert stranger.engine.propose_begun() is None
        taken = [heir.engine.propose_begun() for _ in under_way]
    assert {one.number for one in taken if one is not None} == under_way


def test_clocks_that_differ_make_nobody_seem_gone(medium: Problem, shared: StorageAddress) -> None:
    early, other = Driver(medium, shared), Driver(medium, shared)
    now_s = 0.0
    assert early.engine._drivers is not None
    assert other.engine._drivers is not None
    other.engine._drivers._clock = lambda: now_s
    for turn in range(4):
        early.engine._drivers._store.beat(1.0 + turn)  # of 1970
        with other.engine.turn():
            pass
        assert other.engine.others == {early.engine._drivers.name}
        now_s += drivers.GONE_S / 2
    now_s += drivers.GONE_S
    assert not other.engine.others


def test_nobody_is_gone_for_having_slept_where_this_driver_slept_too() -> None:
    """A laptop that was closed, a container that was frozen with all that search in it."""

    class Store:
        driver = ""

        def beat(self, at_s: float) -> None:
            raise AssertionError

        def beats(self) -> dict[str, float]:
            return {"other": 1.0}

    now_s = 0.0
    clock = AwakeClock(lambda: now_s, max_step_s=2 * drivers.BEAT_S)
    here = drivers.Drivers(Store(), clock=clock)
    assert "other" in here.present()
    now_s += 8 * 3600
    assert "other" in here.present()
    for _ in range(round(drivers.GONE_S / drivers.BEAT_S)):
        now_s += drivers.BEAT_S
        clock()
    assert "other" not in here.present()


def test_half_an_entry_of_a_killed_driver_is_cut_off(medium: Problem, tmp_path: Path) -> None:
    address = StorageAddress(study="small", journal=tmp_path / "study.journal")
    create_study(address, medium.objectives)
    one, other = Driver(medium, address), Driver(medium, address)
    one.step()
    with (tmp_path / "study.journal").open("a") as file:
        file.write('{"op_code":')
    with other.engine.alive():
        other.step()
    for line in (tmp_path / "study.journal").read_text().splitlines():
        json.loads(line)
    with one.engine.turn():
        pass
    assert one.engine.ledger.num_begun == other.engine.ledger.num_begun
