"""The loop on simulated workers: who gets what, when, and in how many writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nas.errors import OutageError
from nas.search import LoopEvents, MemoryStore, SearchEngine, SearchLoop
from nas.search._journal import Journal
from nas.trial import Fidelity, Scores, TrialResult
from nas.workers import LocalPool, SimulatedPool
from tests.search.small import MEDIUM, all_genomes, make_problem, new_engine, pretend

if TYPE_CHECKING:
    from nas.search import Problem, Proposal, StorageAddress
    from nas.trial import Task
    from nas.workers import Evaluator, Pool, WorkerInfo

RUNGS = (Fidelity(epochs=1), Fidelity(epochs=2))
WORST = (0.0, 9.0, 9.0)


def lasting(info: WorkerInfo) -> Evaluator:
    """Trainings of 1 to 3 seconds, by the network."""

    def evaluate(task: Task) -> TrialResult:
        accuracy = pretend(task.arch).accuracy
        scores = Scores(accuracy=accuracy, loss=1.0, train_s=1 + 2 * accuracy)
        return TrialResult(number=task.number, scores=scores)

    return evaluate


def alike(info: WorkerInfo) -> Evaluator:
    """Trainings of a second each."""

    def evaluate(task: Task) -> TrialResult:
        scores = Scores(accuracy=0.5, loss=1.0, train_s=1.0)
        return TrialResult(number=task.number, scores=scores)

    return evaluate


def run(
    pool: Pool, engine: SearchEngine, *, budget: int, events: LoopEvents | None = None
) -> None:
    rungs = RUNGS[: engine.ledger.top + 1]
    SearchLoop(engine, pool, budget=budget, rungs=rungs, seed=0, events=events, poll_s=None).run()


def make_engine(problem: Problem, *, sampler: str = "evolution", rungs: int = 1) -> SearchEngine:
    genomes = all_genomes(problem.space)
    start = next(genome for genome in genomes if problem.candidate(genome).reason is None)
    return SearchEngine(
        problem,
        MemoryStore(),
        sampler=sampler,
        seed=0,
        start=start,
        num_rungs=rungs,
        reference=WORST,
    )


@pytest.mark.parametrize("workers", [1, 7, 64])
@pytest.mark.parametrize("rungs", [1, 2])
def test_the_budget_is_spent_on_different_networks(workers: int, rungs: int) -> None:
    engine = make_engine(make_problem(MEDIUM), rungs=rungs)
    run(SimulatedPool(lasting, num_workers=workers), engine, budget=150)

    evaluations = engine.ledger.evaluations.values()
    assert engine.ledger.num_finished == 150
    assert len({one.arch.id for one in evaluations}) == 150
    assert not engine.ledger.paused
    assert engine.ledger.count("pruned") == (0 if rungs == 1 else pytest.approx(110, abs=25))


class Line(LoopEvents):
    """How many networks are handed out when results are waited for."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.sizes: list[int] = []

    def on_wait(self, loop: SearchLoop) -> None:
        if loop.engine.ledger.num_begun < self.budget:
            self.sizes.append(len(loop.running))


@pytest.mark.parametrize(("workers", "least", "most"), [(1, 1, 1), (8, 8, 8), (96, 106, 108)])
def test_workers_never_wait_and_many_have_some_in_line(
    workers: int, least: int, most: int
) -> None:
    line = Line(budget=400)
    engine = make_engine(make_problem(MEDIUM))
    run(SimulatedPool(lasting, num_workers=workers), engine, budget=400, events=line)

    assert min(line.sizes) >= least
    assert max(line.sizes) <= most


def test_a_result_is_recorded_before_a_single_worker_begins_anew() -> None:
    engine, seen = make_engine(make_problem(MEDIUM)), []

    def watching(info: WorkerInfo) -> Evaluator:
        evaluate = lasting(info)

        def answer(task: Task) -> TrialResult:
            seen.append(engine.ledger.num_finished)
            return evaluate(task)

        return answer

    run(LocalPool(watching, device="cpu"), engine, budget=6)

    assert seen == list(range(6))


def test_what_comes_together_is_written_together(
    address: StorageAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = new_engine(make_problem(MEDIUM), address)
    appends: list[int] = []
    plain = Journal.append

    def append(self: Journal, lines: list[str]) -> None:
        appends.append(len(lines))
        plain(self, lines)

    monkeypatch.setattr(Journal, "append", append)

    run(SimulatedPool(alike, num_workers=16), engine, budget=64)

    # Results that come at once are one append, of two lines each.
    assert appends.count(32) == 4


class LostPool(SimulatedPool):
    """Raises what it is told to when it is asked for anything once a result has come."""

    def __init__(self, error: BaseException, *, num_workers: int) -> None:
        super().__init__(alike, num_workers=num_workers)
        self.error = error
        self.given: list[int] = []

    def next_result(self, timeout_s: float | None = None) -> TrialResult | None:
        if self.given:
            raise self.error
        result = super().next_result(timeout_s)
        assert result is not None
        self.given.append(result.number)
        return result


@pytest.mark.parametrize("error", [OutageError("Ray: gone"), KeyboardInterrupt()])
@pytest.mark.parametrize("workers", [1, 4])
def test_what_came_before_the_workers_were_lost_is_recorded(
    error: BaseException, workers: int
) -> None:
    pool, engine = LostPool(error, num_workers=workers), make_engine(make_problem(MEDIUM))

    with pytest.raises(type(error)):
        run(pool, engine, budget=20)
    assert pool.given == list(engine.ledger.evaluations) == [0]


class Order(LoopEvents):
    """Notes what happens to each result."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def before_record(self, proposal: Proposal, result: TrialResult) -> None:
        self.seen.append(f"before {proposal.number}")

    def after_record(self, proposal: Proposal, result: TrialResult, *, on_front: bool) -> None:
        self.seen.append(f"after {proposal.number}")


def test_events_surround_each_record() -> None:
    order = Order()
    run(SimulatedPool(lasting), make_engine(make_problem(MEDIUM)), budget=2, events=order)

    assert order.seen == ["before 0", "after 0", "before 1", "after 1"]


def test_a_choice_of_several_is_as_good_as_one_by_one() -> None:
    problem = make_problem(MEDIUM, objectives=("accuracy", "params"))
    engine = make_engine(problem, sampler="model")
    run(SimulatedPool(lasting, num_workers=96), engine, budget=300)

    assert engine.ledger.num_finished == 300
    assert len({one.arch.id for one in engine.ledger.evaluations.values()}) == 300
