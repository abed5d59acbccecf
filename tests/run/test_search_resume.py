"""Searches that go on after a break, Ctrl-C or a full disk, and what they go on from."""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest

from nas.errors import RunFolderError, StorageError, UserError
from nas.run import Run, open_run
from nas.search._journal import Journal
from tests.run.in_process import counting, evaluations, resume, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.workers import Evaluator, WorkerInfo

    MakeSession = Callable[..., Run]


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
