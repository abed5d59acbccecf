"""What a monitoring system is told of a search."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from nas.run import Run, open_run, run_search
from nas.run._monitor import images_trained
from nas.trial import Failure, Fidelity, TrialResult
from nas.workers import LocalPool, Measure
from tests.run.conftest import LOCAL
from tests.run.test_ladder import FULL, LADDER
from tests.search.small import pretending

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nas.trial import Task
    from nas.workers import Evaluator, WorkerInfo

    MakeSession = Callable[..., Run]
    Exports = list[tuple[str, dict[str, float]]]


def key(one: Measure) -> str:
    return one.name if one.label is None else f"{one.name} {one.label[1]}"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Exports:
    """All that pools were handed, with the run's name, by name and label."""
    seen: Exports = []

    def export(self: LocalPool, measures: Sequence[Measure], *, run: str) -> None:
        figures = {key(one): one.value for one in measures}
        assert len(figures) == len(measures)
        seen.append((run, figures))

    monkeypatch.setattr(LocalPool, "export", export)
    return seen


def test_the_last_figures_are_those_of_the_finished_search(
    make_session: MakeSession, exported: Exports
) -> None:
    run = make_session("mine", budget=20, fidelity=FULL, ladder=LADDER)
    run_search(run, LOCAL, factory=pretending)

    name, figures = exported[-1]
    states = [one.state for one in run.trials()]
    assert name == "mine"
    for state in ("complete", "pruned", "failed", "duplicate", "rejected"):
        assert figures[f"nas_trials {state}"] == states.count(state), state
    assert figures["nas_trials running"] == 0
    assert figures["nas_budget"] == 20
    assert figures["nas_front_size"] <= len(run.front())
    assert figures["nas_best_accuracy"] == max(one.scores.accuracy for one in run.front())
    assert 0 < figures["nas_hypervolume"] <= 1
    assert figures["nas_images"] > 0
    assert figures["nas_driver_cpu_seconds"] > 0


def failing_twice(info: WorkerInfo) -> Evaluator:
    evaluate, places = pretending(info), itertools.count()

    def answer(task: Task) -> TrialResult:
        if next(places) < 2:
            failure = Failure(kind="Diverged", message="loss is nan")
            return TrialResult(number=task.number, failure=failure)
        return evaluate(task)

    return answer


def test_failures_are_counted_by_kind_across_sessions(
    make_session: MakeSession, exported: Exports
) -> None:
    run = make_session("mine", budget=4, sampler="random", ladder=())
    run_search(run, LOCAL, factory=failing_twice)
    assert exported[-1][1]["nas_failures Diverged"] == 2

    run_search(open_run(run.path).with_budget(6), LOCAL, factory=pretending)

    figures = exported[-1][1]
    assert figures["nas_failures Diverged"] == figures["nas_trials failed"] == 2
    # What only grows begins anew with each session, as a counter of Prometheus does.
    available = run.facts.train_images
    assert figures["nas_images"] == 2 * images_trained(run.settings.fidelity, available)


def leaving(info: WorkerInfo) -> Evaluator:
    """Two trainings fail, and Ctrl-C ends the third."""
    evaluate, places = failing_twice(info), itertools.count()

    def answer(task: Task) -> TrialResult:
        if next(places) == 2:
            raise KeyboardInterrupt
        return evaluate(task)

    return answer


def test_failures_that_another_driver_saw_are_counted(
    make_session: MakeSession, exported: Exports
) -> None:
    run = make_session("mine", budget=6, sampler="random", ladder=())
    own: list[int] = []

    def joined(info: WorkerInfo) -> Evaluator:
        evaluate = pretending(info)

        def answer(task: Task) -> TrialResult:
            if not own:
                own.append(task.number)
                run_search(open_run(run.path), LOCAL, factory=leaving, join=True)
            return evaluate(task)

        return answer

    run_search(run, LOCAL, factory=joined, join=True)

    figures = exported[-1][1]
    assert figures["nas_failures Diverged"] == figures["nas_trials failed"] == 2


def test_images_of_every_fold_are_counted(make_session: MakeSession, exported: Exports) -> None:
    fidelity = Fidelity(epochs=1, batch_size=8, folds=3)
    run = make_session("mine", budget=2, fidelity=fidelity, ladder=())
    run_search(run, LOCAL, factory=pretending)

    # 90 images: 63 to train, 12 to validate with, each time others; in batches of 8.
    assert exported[-1][1]["nas_images"] == 2 * 3 * 56


@pytest.mark.parametrize(
    ("train_images", "available", "expected"),
    [(None, 100, 2 * 96), (60, 100, 2 * 32), (20, 100, 2 * 20), (60, 10, 2 * 32)],
)
def test_images_are_counted_as_trainings_see_them(
    train_images: int | None, available: int, expected: int
) -> None:
    fidelity = Fidelity(epochs=2, train_images=train_images, batch_size=32)

    assert images_trained(fidelity, available) == expected
