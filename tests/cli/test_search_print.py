"""What is said at the end of a search is so."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from nas.cli._screen import Screen
from nas.cli._search_print import print_end, print_next
from nas.run import SearchSettings, WorkerConfig, create_run, run_search
from nas.trial import Fidelity
from tests.search.small import pretend_result, pretending

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.run import Run, SearchOutcome
    from nas.trial import Task, TrialResult
    from nas.workers import Evaluator, WorkerInfo

    Begin = Callable[..., Run]

LADDER = (Fidelity(epochs=1), Fidelity(epochs=2))


@pytest.fixture
def begin(search_words: list[str], tmp_path: Path) -> Begin:
    """begin(budget=9) is a search that has not begun; its trainings are pretended."""

    def make(**changed: object) -> Run:
        given: dict[str, object] = {
            "space": str(tmp_path / "small.yaml"),
            "data": str(tmp_path / "steps.npz"),
            "budget": 9,
            "sampler": "evolution",
            "fidelity": Fidelity(epochs=4),
            "ladder": LADDER,
        }
        name = str(changed.pop("name", "run"))
        return create_run(SearchSettings(**given | changed), tmp_path / name).run  # type: ignore[arg-type]

    return make


@pytest.fixture
def minutes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SearchOutcome]:
    """minutes(run, 7) searches for so many of a clock on which a training takes one."""
    now = 0

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return 60.0 * now

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            nonlocal now
            now += 1
            return pretend_result(task.number, task.arch)

        return evaluate

    monkeypatch.setattr("nas.run._search.time", Clock)
    return lambda run, count: run_search(
        run, WorkerConfig(workers="local", minutes=count), factory=factory
    )


def said(run: Run, outcome: SearchOutcome, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    print_end(Screen(), run, outcome)
    return capsys.readouterr().out


def test_a_search_whose_networks_wait_on_the_ladder_is_not_finished(
    begin: Begin, minutes: Callable[..., SearchOutcome], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nine networks, three of which climb, one of these twice: thirteen trainings."""
    run = begin()
    minutes(run, 11)
    outcome = minutes(run, 1)
    words = said(run, outcome, capsys)

    assert (outcome.evaluated, outcome.new) == (9, 0)
    assert run.state == "stopped"
    assert "finished: its budget" not in words
    assert "The time is over; trainings under way were finished." in words
    assert f"9 of 9 networks evaluated, 0 of them now, in 1:00; {outcome.waiting} wait on" in words
    last = run_search(run, WorkerConfig(workers="local"), factory=pretending)
    assert "This search is finished: its budget of 9 networks is spent" in said(run, last, capsys)


def test_what_a_deterministic_search_drops_is_not_said_to_be_finished(
    begin: Begin, minutes: Callable[..., SearchOutcome], capsys: pytest.CaptureFixture[str]
) -> None:
    run = begin(budget=30, ladder=(), deterministic=True)
    words = said(run, minutes(run, 3), capsys)

    assert "The time is over; trainings under way were dropped, and begin anew when" in words
    assert "3 of 30 networks evaluated, 3 of them now, in 3:00.\n" in words


def test_what_comes_next_can_be_pasted_whatever_the_folder_is_called(
    begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    run = begin(name="Ann's best run $1", ladder=())
    run_search(run, WorkerConfig(workers="local"), factory=pretending)
    capsys.readouterr()
    print_next(Screen(), run)
    lines = capsys.readouterr().out.splitlines()

    commands = [line.strip().rsplit("  ", 1)[0] for line in lines if line.startswith("  nas ")]
    assert [shlex.split(words)[:3] for words in commands] == [
        ["nas", verb, str(run.path)] for verb in ("train", "export", "report", "resume")
    ]
