from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nas.errors import DataError, RunFolderError
from nas.metrics import Limit
from nas.run import Run, run_search
from nas.trial import Fidelity, Scores, TrialResult
from tests.run.in_process import LOCAL, counting, evaluations, resume, run
from tests.search.small import pretending

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.report import Snapshot
    from nas.trial import Task
    from nas.workers import Evaluator, WorkerInfo

    MakeSession = Callable[..., Run]

SAMPLERS = ("evolution", "tpe", "nsga2", "random")


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_budget_is_spent_on_different_networks(
    make_session: MakeSession, sampler: str
) -> None:
    session, seen = make_session(budget=20, sampler=sampler), Counter[str]()
    outcome = run(session, counting(seen))

    assert (outcome.evaluated, outcome.new) == (20, 20)
    assert (outcome.exhausted, outcome.interrupted) == (False, False)
    assert len(seen) == seen.total() == 20


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_in_process_gives_the_same_trials(
    make_session: MakeSession, sampler: str
) -> None:
    sessions = [make_session(name, budget=20, sampler=sampler) for name in ("one", "two")]
    for session in sessions:
        run(session)

    assert evaluations(sessions[0]) == evaluations(sessions[1])


def test_a_space_smaller_than_the_budget_is_exhausted(make_session: MakeSession) -> None:
    session = make_session(budget=1000)
    outcome = run(session)

    assert (outcome.evaluated, outcome.exhausted) == (44, True)
    again = resume(session)
    assert (again.evaluated, again.new, again.exhausted) == (44, 0, True)


def test_limits_hold_for_everything_trained(make_session: MakeSession) -> None:
    limits = (Limit(name="params", maximum=700), Limit(name="macs", maximum=20_000))
    session = make_session(budget=15, sampler="random", limits=limits)
    run(session)

    done = [one for one in evaluations(session) if one.state == "complete"]
    assert len(done) == 15
    assert all(one.cost and one.cost.params <= 700 and one.cost.macs <= 20_000 for one in done)
    assert any(one.state == "rejected" for one in evaluations(session))


@pytest.mark.parametrize(
    "objectives", [("accuracy",), ("accuracy", "params"), ("macs", "accuracy")]
)
def test_the_weights_kept_are_those_of_the_front(
    make_session: MakeSession, objectives: tuple[str, ...]
) -> None:
    session = make_session(budget=25, objectives=objectives)
    run(session)

    kept = {path.stem for path in (session.folder.path / "weights").iterdir()}
    assert kept == {row.arch_id for row in session.report().report.front}
    for arch_id in kept:
        assert session.folder.weights(arch_id).read_bytes() == arch_id.encode()


def test_of_equally_good_networks_all_weights_are_kept(make_session: MakeSession) -> None:
    """Which of them the report shows is its own affair."""

    def equal(info: WorkerInfo) -> Evaluator:
        return lambda task: TrialResult(
            number=task.number, scores=Scores(accuracy=0.5, loss=1.0, train_s=0.0), weights=b"w"
        )

    session = make_session(budget=6, objectives=("accuracy",))
    run(session, equal)

    assert len(list((session.folder.path / "weights").iterdir())) == 6


def test_failures_use_up_budget_and_are_logged(make_session: MakeSession) -> None:
    def diverging(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            if task.number % 2:
                raise ZeroDivisionError("seven by nought")
            scores = Scores(accuracy=0.5, loss=float("nan"), train_s=0.0)
            return TrialResult(number=task.number, scores=scores)

        return evaluate

    session = make_session(budget=6)
    outcome = run(session, diverging)

    assert outcome.evaluated == 6
    kinds = Counter(one.failure.kind for one in evaluations(session) if one.failure)
    assert kinds == {"ZeroDivisionError": 3, "NotFinite": 3}
    log = (session.folder.path / "log.txt").read_text()
    assert log.count("failed, ZeroDivisionError: seven by nought") == 3
    assert log.count("failed, NotFinite") == 3


def test_a_task_that_takes_too_long_is_a_failure(make_session: MakeSession) -> None:
    def hanging(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            while True:
                pass

        return evaluate

    session = make_session(budget=1, task_timeout_s=0.2)
    run(session, hanging)

    [one] = evaluations(session)
    assert one.failure is not None
    assert one.failure.kind == "Timeout"


def test_a_worker_that_cannot_load_the_data_is_the_user_s_error(
    make_session: MakeSession,
) -> None:
    def lacking(info: WorkerInfo) -> Evaluator:
        raise DataError("the data are gone")

    session = make_session()
    with pytest.raises(DataError, match="the data are gone"):
        run(session, lacking)

    assert run(session).evaluated == 6


def test_two_drivers_of_one_search_are_one_too_many(make_session: MakeSession) -> None:
    session = make_session()

    def driving_again(info: WorkerInfo) -> Evaluator:
        with pytest.raises(RunFolderError, match="another process is running this search"):
            resume(session)
        return pretending(info)

    assert run(session, driving_again).evaluated == 6


def test_the_progress_of_a_search_is_told_as_it_goes(make_session: MakeSession) -> None:
    session = make_session(budget=10, sampler="random")
    seen: list[Snapshot] = []
    run_search(session, LOCAL, on_progress=seen.append, factory=pretending)

    assert (seen[0].budget, seen[0].finished, seen[0].running, seen[0].workers) == (10, 0, 1, 1)
    assert [one.finished for one in seen] == sorted(one.finished for one in seen)
    done = [one for one in evaluations(session) if one.state == "complete"]
    report, last = session.report(), seen[-1]
    assert (last.finished, last.running) == (10, 0)
    assert last.best_accuracy == max(one.scores.accuracy for one in done if one.scores)
    assert last.front_size == len(report.report.front)
    assert last.hypervolume == pytest.approx(report.hypervolume)


def test_real_training_gives_the_same_scores_whatever_else_was_trained(
    make_session: MakeSession,
) -> None:
    fidelity = Fidelity(epochs=1, train_images=30)
    one = make_session("one", budget=3, fidelity=fidelity)
    every = make_session("every", budget=1000, fidelity=fidelity, sampler="random")
    for session in (one, every):
        run_search(session, LOCAL)
    repeated = make_session("again", budget=3, fidelity=fidelity)
    run_search(repeated, LOCAL)

    def scores(session: Run) -> dict[str, Scores]:
        return {
            done.arch.id: replace(done.scores, train_s=0.0)
            for done in evaluations(session)
            if done.scores
        }

    assert len(scores(one)) == 3
    assert scores(one) == scores(repeated)
    assert scores(one).items() <= scores(every).items()
