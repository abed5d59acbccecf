from __future__ import annotations

import errno
import os
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest

from nas.errors import DataError, RunFolderError, StorageError, UserError
from nas.metrics import Limit
from nas.run import Run, SearchOutcome, WorkerConfig, open_run, run_search
from nas.search import load_evaluations
from nas.search._journal import Journal
from nas.trial import Fidelity, Scores, TrialResult
from tests.search.small import pretend_result, pretending

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.report import Snapshot
    from nas.trial import Evaluation, Task
    from nas.workers import Evaluator, Factory, WorkerInfo

    MakeSession = Callable[..., Run]

LOCAL = WorkerConfig(workers="local")
SAMPLERS = ("evolution", "tpe", "nsga2", "random")


def run(session: Run, factory: Factory = pretending) -> SearchOutcome:
    return run_search(session, LOCAL, factory=factory)


def resume(session: Run, factory: Factory = pretending) -> SearchOutcome:
    return run(open_run(session.folder.path), factory)


def evaluations(session: Run) -> tuple[Evaluation, ...]:
    """Every trial, without the time of day."""
    read = load_evaluations(session.problem, session.address)
    return tuple(replace(one, finished_s=None) for one in read)


def counting(seen: Counter[str], *, stop_after: int | None = None) -> Factory:
    """Counts how often each network is trained; Ctrl-C after so many."""

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            if stop_after is not None and seen.total() >= stop_after:
                raise KeyboardInterrupt
            seen[task.arch.id] += 1
            return pretend_result(task.number, task.arch)

        return evaluate

    return factory


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


def test_a_resumed_search_does_the_rest_and_no_network_twice(make_session: MakeSession) -> None:
    session, seen = make_session(budget=20), Counter[str]()
    first = run(session, counting(seen, stop_after=7))
    second = resume(session, counting(seen, stop_after=12))
    third = resume(session, counting(seen))

    assert [one.interrupted for one in (first, second, third)] == [True, True, False]
    assert [one.evaluated for one in (first, second, third)] == [7, 12, 20]
    assert [one.new for one in (first, second, third)] == [7, 5, 8]
    assert len(seen) == seen.total() == 20


def test_a_resumed_evolution_goes_the_way_it_would_have_gone(make_session: MakeSession) -> None:
    session = make_session(budget=20, sampler="evolution")
    run(session, counting(Counter(), stop_after=12))
    resume(session)
    through = make_session("through", budget=20, sampler="evolution")
    run(through)
    assert evaluations(session) == evaluations(through)


@pytest.mark.parametrize("sampler", ["model", "evolution"])
def test_a_deterministic_search_resumed_is_the_one_without_a_break(
    make_session: MakeSession, sampler: str
) -> None:
    asked = {"budget": 30, "sampler": sampler, "deterministic": True}
    session = make_session("broken", **asked)
    run(session, counting(Counter(), stop_after=19))
    resume(session)
    through = make_session("through", **asked)
    run(through)
    assert evaluations(session) == evaluations(through)
    assert open_run(session.folder.path).settings.deterministic


def test_a_finished_search_resumed_starts_no_worker(make_session: MakeSession) -> None:
    session = make_session()
    run(session)

    def never(info: WorkerInfo) -> Evaluator:
        raise AssertionError("no worker is needed")

    outcome = resume(session, never)
    assert (outcome.evaluated, outcome.new, outcome.interrupted) == (6, 0, False)


def test_ctrl_c_stops_cleanly_wherever_it_comes(make_session: MakeSession) -> None:
    """A real signal, at the n-th system call that a search makes in Python."""
    session, seen = make_session(budget=30), Counter[str]()
    appends = 0
    plain = Journal.append

    def interrupted(self: Journal, lines: list[str]) -> None:
        nonlocal appends
        appends += 1
        if appends % 5 == 0:
            os.kill(os.getpid(), signal.SIGINT)
        plain(self, lines)

    outcomes = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append", interrupted)
        while not outcomes or outcomes[-1].evaluated < 30:
            try:
                outcomes.append(resume(session, counting(seen)))
            except KeyboardInterrupt:  # while an earlier session's trials were read
                continue

    assert len(outcomes) > 5
    assert all(one.interrupted for one in outcomes[:-1])
    done = [one.arch.id for one in evaluations(session) if one.state == "complete"]
    assert len(done) == len(set(done)) == 30


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


def full_disk(path: str) -> Callable[..., Any]:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", path)

    return refuse


@pytest.mark.parametrize("what", ["weights", "journal", "log", "lock"])
def test_a_disk_that_fills_up_ends_in_a_sentence_and_loses_nothing(
    make_session: MakeSession, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    session, seen = make_session(budget=12), Counter[str]()
    run(session, counting(seen, stop_after=5))
    before = evaluations(session)
    with monkeypatch.context() as patch:
        if what == "weights":
            patch.setattr(Path, "write_bytes", full_disk("weights"))
        elif what == "journal":
            patch.setattr(Journal, "append", full_disk("journal"))
        elif what == "log":
            patch.setattr(type(session.folder), "log", failing_log(session))
        else:
            patch.setattr("fcntl.flock", full_disk("run.lock"))
        with pytest.raises((RunFolderError, StorageError), match="No space left on device"):
            resume(session, counting(seen))

    after = evaluations(session)
    assert after[: len(before)] == before
    assert resume(session, counting(seen)).evaluated == 12
    done = [one.arch.id for one in evaluations(session) if one.state == "complete"]
    assert len(done) == len(set(done)) == 12


def failing_log(session: Run) -> Callable[..., None]:
    plain = type(session.folder).log

    def log(self: Any, line: str) -> None:
        if line.startswith("trial"):
            raise RunFolderError(f"{self.path}: cannot be used: No space left on device")
        plain(self, line)

    return log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [48, 64, 72, 80])
def test_a_disk_that_is_really_full(
    make_session: MakeSession, tmp_path: Path, kilobytes: int
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = os.system(f"mount -t tmpfs -o size={kilobytes}k tmpfs {disk} 2>/dev/null") == 0
    if not mounted:
        pytest.skip("mounting is not permitted here")
    try:
        session, seen = make_session("disk/run", budget=40), Counter[str]()
        with pytest.raises(UserError, match="No space left on device"):
            run(session, counting(seen))
        os.system(f"mount -o remount,size=8m {disk}")
        assert resume(session, counting(seen)).evaluated == 40
        done = [one.arch.id for one in evaluations(session) if one.state == "complete"]
        assert len(done) == len(set(done)) == 40
    finally:
        os.system(f"umount {disk}")


def test_a_study_in_a_database_is_resumed_and_reported(
    make_session: MakeSession, tmp_path: Path
) -> None:
    storage = f"sqlite:///{tmp_path / 'studies.db'}"
    session, seen = make_session(storage=storage), Counter[str]()
    run(session, counting(seen, stop_after=2))
    outcome = resume(session, counting(seen))

    assert (outcome.evaluated, outcome.new, seen.total()) == (6, 4, 6)
    assert not session.folder.journal.exists()
    study = optuna.load_study(study_name="small", storage=storage)
    assert len(study.trials) >= 6


def test_a_journal_that_is_gone_is_said_and_not_begun_anew(make_session: MakeSession) -> None:
    session = make_session()
    run(session)
    session.folder.journal.unlink()
    with pytest.raises(StorageError, match="journal"):
        resume(session)
    with pytest.raises(StorageError, match="journal"):
        session.report()


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
