"""Searches that are given so many minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nas.errors import UserError
from nas.run import Run, WorkerConfig, open_run, run_search
from nas.trial import Fidelity, TrialResult
from tests.run.in_process import evaluations, resume, run
from tests.search.small import pretend_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.trial import Task
    from nas.workers import Evaluator, WorkerInfo

    MakeSession = Callable[..., Run]


class Clock:
    """Of a search whose trainings take a minute each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.minutes = 0
        monkeypatch.setattr("nas.run._search.time", self)

    def monotonic(self) -> float:
        return 60.0 * self.minutes

    def factory(self, info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            self.minutes += 1
            return pretend_result(task.number, task.arch)

        return evaluate


@pytest.mark.parametrize("ladder", [None, (Fidelity(epochs=1),)])
def test_a_search_ends_with_its_minutes_and_goes_on(
    make_session: MakeSession,
    monkeypatch: pytest.MonkeyPatch,
    ladder: tuple[Fidelity, ...] | None,
) -> None:
    session, clock = make_session(budget=20, ladder=ladder), Clock(monkeypatch)
    timed = WorkerConfig(workers="local", minutes=7)

    first = run_search(session, timed, factory=clock.factory)
    assert first.out_of_time
    assert (clock.minutes, session.state) == (7, "stopped")

    second = resume(session)
    assert not second.out_of_time
    assert (second.evaluated, session.state) == (20, "finished")


@pytest.mark.parametrize("budget", [5, 7])
def test_a_search_that_is_over_in_time_says_nothing_of_it(
    make_session: MakeSession, monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    timed = WorkerConfig(workers="local", minutes=7)

    outcome = run_search(make_session(budget=budget), timed, factory=Clock(monkeypatch).factory)

    assert (outcome.evaluated, outcome.out_of_time) == (budget, False)


def test_nothing_climbs_the_ladder_when_the_time_is_over(
    make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, clock = make_session(budget=20, ladder=(Fidelity(epochs=1),)), Clock(monkeypatch)

    run_search(session, WorkerConfig(workers="local", minutes=1), factory=clock.factory)

    assert clock.minutes == 1
    assert not session.front()


def test_minutes_change_nothing_of_a_deterministic_search(
    make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_session(budget=40, deterministic=True, sampler="evolution")
    run(whole)
    parted = make_session("parted", budget=40, deterministic=True, sampler="evolution")
    while parted.state != "finished":
        timed = WorkerConfig(workers="local", minutes=14)
        run_search(open_run(parted.path), timed, factory=Clock(monkeypatch).factory)

    assert [one.arch for one in evaluations(parted)] == [one.arch for one in evaluations(whole)]


@pytest.mark.parametrize("minutes", [0, -1, float("inf"), float("nan")])
def test_minutes_are_above_nothing(minutes: float) -> None:
    with pytest.raises(UserError, match="`minutes`"):
        WorkerConfig(minutes=minutes)
