"""Runs whose study is in a database: folders that are begun again, and folders that are copied."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import optuna
import pytest

from nas.errors import OptionError, StorageError
from nas.model import build_model, save_weights
from nas.run import WorkerConfig, _search, create_run, open_run, repair_run, run_search
from nas.run import _create as create
from nas.search import _loop
from nas.workers import LocalPool
from tests.search.small import pretend, pretend_result, pretending

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.run import Run, SearchSettings
    from nas.trial import Task, TrialResult
    from nas.workers import Evaluator, WorkerInfo

LOCAL = WorkerConfig(workers="local")
BUDGET = 6


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'studies.db'}"


def studies(url: str) -> list[str]:
    return optuna.get_all_study_names(url)


def test_a_search_that_never_began_is_begun_again(
    settings: Callable[..., SearchSettings], tmp_path: Path, url: str
) -> None:
    asked = settings(storage=url, budget=2)
    create_run(asked, tmp_path / "run")
    (tmp_path / "studies.db").unlink()
    create_run(asked, tmp_path / "run")
    run = create_run(asked, tmp_path / "run").run
    run_search(run, LOCAL, factory=pretending)

    assert studies(url) == ["small"]
    assert open_run(run.path).state == "finished"


def test_a_study_with_trials_is_not_deleted(
    settings: Callable[..., SearchSettings], tmp_path: Path, url: str
) -> None:
    """A copy of the folder has begun."""
    asked = settings(storage=url, budget=2)
    create_run(asked, tmp_path / "run")
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    run_search(open_run(tmp_path / "copy"), LOCAL, factory=pretending)

    with pytest.raises(StorageError, match="holds a study named 'small' already"):
        create_run(asked, tmp_path / "run")
    assert open_run(tmp_path / "copy").state == "finished"


def test_anothers_study_is_not_deleted(
    settings: Callable[..., SearchSettings], tmp_path: Path, url: str
) -> None:
    asked = settings(storage=url)
    create_run(asked, tmp_path / "one")
    with pytest.raises(StorageError, match="holds a study named 'small' already"):
        create_run(asked, tmp_path / "two")

    assert studies(url) == ["small"]
    assert open_run(tmp_path / "one").state == "not begun"


def test_what_fails_later_leaves_no_study(
    settings: Callable[..., SearchSettings],
    tmp_path: Path,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(create, "write_data", interrupt)
    with pytest.raises(KeyboardInterrupt):
        create_run(settings(storage=url), tmp_path / "run")

    assert studies(url) == []
    assert not (tmp_path / "run").exists()


class Machine:
    """Trains for one copy of a run folder."""

    def __init__(self, *, stops_after: int = BUDGET, together: threading.Barrier | None = None):
        self.trained: list[str] = []
        self._stops_after = stops_after
        self._together = together

    def __call__(self, info: WorkerInfo) -> Evaluator:
        return self.evaluate

    def evaluate(self, task: Task) -> TrialResult:
        if len(self.trained) == self._stops_after:
            raise KeyboardInterrupt
        if self._together is not None and not self.trained:
            self._together.wait(60)  # both have opened a trial
        self.trained.append(task.arch.id)
        return pretend_result(task.number, task.arch)


def check_whole(runs: list[Run], url: str, machines: list[Machine]) -> None:
    """One budget, no network twice, nothing left running, and both folders tell the same."""
    trained = [arch_id for machine in machines for arch_id in machine.trained]
    assert len(trained) == len(set(trained)) == BUDGET
    trials = [open_run(run.path).trials() for run in runs]
    assert trials[0] == trials[1]
    assert sum(one.state == "complete" for one in trials[0]) == BUDGET
    assert all(one.scores == pretend(one.arch) for one in trials[0] if one.scores)
    [study] = studies(url)
    frozen = optuna.load_study(study_name=study, storage=url).get_trials()
    assert all(trial.state.is_finished() for trial in frozen)
    assert [open_run(run.path).state for run in runs] == ["finished", "finished"]


def copied(run: Run) -> Run:
    return open_run(shutil.copytree(run.path, run.path.with_name("copy")))


def test_copies_of_a_stopped_run_go_on_together(
    make_session: Callable[..., Run], url: str
) -> None:
    run = make_session(storage=url, budget=BUDGET, ladder=())
    first, second = Machine(stops_after=2), Machine(stops_after=2)
    assert run_search(run, LOCAL, factory=first).interrupted
    copy = copied(run)
    assert run_search(copy, LOCAL, factory=second).interrupted
    third = Machine()
    run_search(run, LOCAL, factory=third)
    run_search(copy, LOCAL, factory=Machine(stops_after=0))

    check_whole([run, copy], url, [first, second, third])


class Builder(Machine):
    """One whose networks have weights."""

    def evaluate(self, task: Task) -> TrialResult:
        result = super().evaluate(task)
        model = build_model(task.arch, in_channels=1, num_classes=3)
        return replace(result, weights=save_weights(model))


def test_weights_of_the_front_are_taken_from_another_copy(
    make_session: Callable[..., Run], url: str
) -> None:
    run = make_session(storage=url, budget=BUDGET, ladder=())
    assert run_search(run, LOCAL, factory=Builder(stops_after=1)).interrupted
    copy = copied(run)
    run_search(copy, LOCAL, factory=Builder())
    missing = {one.arch_id for one in run.front() if not one.has_weights}
    assert missing

    repaired = repair_run(run, copies=[copy.path], factory=Builder(stops_after=0))

    assert set(repaired.copied) == missing
    assert all(member.has_weights for member in run.front())


def test_weights_of_another_search_are_not_taken(
    make_session: Callable[..., Run], url: str
) -> None:
    run, other = make_session(storage=url), make_session("other", storage=url, study="another")
    alone = make_session("alone")

    for one, copy in ((run, other), (run, alone), (alone, run)):
        with pytest.raises(OptionError, match=r"`copies` .* does not share the study of"):
            repair_run(one, copies=[copy.path])


def test_copies_search_at_the_same_time(
    make_session: Callable[..., Run], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_loop, "POLL_S", 0.02)
    # Only the main thread can end a training that lasts too long.
    monkeypatch.setattr(_search, "make_pool", lambda workers, factory, **rest: LocalPool(factory))
    run = make_session(storage=url, budget=BUDGET, ladder=())
    runs, both = [run, copied(run)], threading.Barrier(2)
    machines = [Machine(together=both), Machine(together=both)]
    faults: list[BaseException] = []

    def search(run: Run, machine: Machine) -> None:
        try:
            run_search(run, LOCAL, factory=machine)
        except BaseException as fault:
            faults.append(fault)

    pairs = zip(runs, machines, strict=True)
    threads = [threading.Thread(target=search, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not faults
    assert all(machine.trained for machine in machines)
    check_whole(runs, url, machines)
