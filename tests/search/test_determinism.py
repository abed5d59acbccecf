"""Results taken in order: the same search on any number of workers, and after any break."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from nas.search import MemoryStore, SearchEngine, SearchLoop, create_study, open_store
from nas.trial import Failure, Fidelity, Scores, TrialResult
from nas.workers import SimulatedPool
from tests.search.small import MEDIUM, all_genomes, make_problem, pretend

if TYPE_CHECKING:
    from nas.search import Problem, StorageAddress, TrialStore
    from nas.trial import Evaluation, Task
    from nas.workers import Evaluator, WorkerInfo

RUNGS = (Fidelity(epochs=1), Fidelity(epochs=2), Fidelity(epochs=4))
WORST = (0.0, 9.0, 9.0)
BUDGET = 70
CASES = [("evolution", 1), ("model", 3)]
CASES += [pytest.param(*case, marks=pytest.mark.slow) for case in (("evolution", 3), ("model", 1))]
OPTUNAS = ("tpe", "nsga2", "random")


def lasting(info: WorkerInfo) -> Evaluator:
    """Trainings of very different lengths; one in twelve fails in full."""

    def evaluate(task: Task) -> TrialResult:
        accuracy = pretend(task.arch).accuracy
        if task.fidelity == RUNGS[-1] and accuracy * 1000 % 12 < 1:
            failure = Failure(kind="Diverged", message="loss is nan")
            return TrialResult(number=task.number, failure=failure)
        took_s = 1 + 20 * (accuracy * 37 % 1)
        scores = Scores(accuracy=accuracy, loss=float(task.fidelity.epochs), train_s=took_s)
        return TrialResult(number=task.number, scores=scores)

    return evaluate


def loop(
    problem: Problem,
    store: TrialStore,
    *,
    sampler: str,
    rungs: int,
    workers: int = 4,
    budget: int = BUDGET,
) -> SearchLoop:
    genomes = all_genomes(problem.space)
    start = next(genome for genome in genomes if problem.candidate(genome).reason is None)
    engine = SearchEngine(
        problem,
        store,
        sampler=sampler,
        seed=3,
        start=start,
        num_rungs=rungs,
        reference=WORST,
        resumable=True,
    )
    return SearchLoop(
        engine,
        SimulatedPool(lasting, num_workers=workers),
        budget=budget,
        rungs=RUNGS[-rungs:],
        seed=0,
        poll_s=None,
        in_order=True,
    )


def outcome(search: SearchLoop) -> list[Evaluation]:
    search.run()
    evaluations = search.engine.ledger.evaluations
    return [evaluations[number] for number in sorted(evaluations)]


@pytest.mark.parametrize(("sampler", "rungs"), CASES)
def test_the_number_of_workers_makes_no_difference(sampler: str, rungs: int) -> None:
    problem = make_problem(MEDIUM)
    one, few, many = (
        outcome(loop(problem, MemoryStore(), sampler=sampler, rungs=rungs, workers=workers))
        for workers in (1, 5, 40)
    )

    assert len(one) == BUDGET
    assert one == few == many


@pytest.mark.parametrize(("sampler", "rungs"), CASES)
def test_a_search_resumed_anywhere_is_the_search_without_a_break(sampler: str, rungs: int) -> None:
    problem = make_problem(MEDIUM)
    through = outcome(loop(problem, MemoryStore(), sampler=sampler, rungs=rungs))
    store = MemoryStore()
    for steps in (3, 11, 1, 29, 20, 13):
        broken = loop(problem, store, sampler=sampler, rungs=rungs, workers=steps)
        for _ in range(steps):
            broken.step()

    assert outcome(loop(problem, store, sampler=sampler, rungs=rungs)) == through


@pytest.mark.parametrize("sampler", [pytest.param("model", marks=pytest.mark.slow), "evolution"])
def test_a_journal_cut_anywhere_grows_into_the_same_search(
    address: StorageAddress, sampler: str
) -> None:
    problem = make_problem(MEDIUM)
    create_study(address, problem.objectives)
    through = outcome(loop(problem, open_store(problem, address), sampler=sampler, rungs=3))
    assert address.journal is not None
    content = address.journal.read_bytes()
    for size in range(len(content) // 7, len(content), len(content) // 6):
        address.journal.write_bytes(content[:size])
        again = loop(problem, open_store(problem, address), sampler=sampler, rungs=3)
        assert outcome(again) == through


@pytest.mark.parametrize("sampler", OPTUNAS)
def test_optuna_s_samplers_go_on_as_without_a_break(address: StorageAddress, sampler: str) -> None:
    """In a space with genes that make no difference, which a journal does not keep."""
    problem = make_problem()
    search = partial(loop, problem, sampler=sampler, rungs=1, budget=34)
    through = outcome(search(MemoryStore(), workers=2))
    create_study(address, problem.objectives)
    for steps in (9, 14):
        broken = search(open_store(problem, address), workers=steps)
        for _ in range(steps):
            broken.step()
    again = outcome(search(open_store(problem, address)))

    assert [(one.arch, one.state) for one in again] == [(one.arch, one.state) for one in through]
