"""A driver that holds the lock of a study and does not let go, in made-up time."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from nas.errors import OutageError
from nas.search import _database_lock, create_study
from nas.search._database_lock import TURN_PATIENCE_S, DatabaseLock, _ServerLock
from nas.search._optuna_store import OptunaStore
from nas.search._patient import PATIENCE_S
from nas.search._storage import StorageAddress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.search import Problem
    from tests.run.postgresql import Server


class Clock:
    """Moved by pauses; `at` a time something may happen."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.at: dict[float, Callable[[], object]] = {}

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, pause_s: float) -> None:
        self.now_s += pause_s
        for due_s in [one for one in self.at if one <= self.now_s]:
            self.at.pop(due_s)()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    names = {"monotonic": clock.monotonic, "sleep": clock.sleep}
    monkeypatch.setattr(_database_lock, "time", SimpleNamespace(**names))
    return clock


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        found: Server = request.getfixturevalue("server")
        return found.url
    (tmp_path / "studies.db").touch()
    return f"sqlite:///{tmp_path / 'studies.db'}"


def test_another_driver_is_waited_for_and_the_log_hears_of_it(url: str, clock: Clock) -> None:
    notes: list[str] = []
    holder, waiting = DatabaseLock(url, "lock"), DatabaseLock(url, "lock", note=notes.append)
    holder.acquire()
    clock.at[12.0] = holder.release

    waiting.acquire()
    assert 12 <= clock.now_s < 13
    assert notes == [
        "waiting for another driver, which has had the study's lock for 10 s; for 600 s at most",
        "the other driver has let go of the study's lock",
    ]
    holder_again = DatabaseLock(url, "lock", patience_s=1.0)
    with pytest.raises(OutageError):
        holder_again.acquire()
    waiting.release()
    holder_again.acquire()
    holder_again.release()


def test_a_short_wait_is_not_worth_a_line(url: str, clock: Clock) -> None:
    notes: list[str] = []
    holder, waiting = DatabaseLock(url, "lock"), DatabaseLock(url, "lock", note=notes.append)
    holder.acquire()
    clock.at[2.0] = holder.release
    waiting.acquire()
    waiting.release()

    assert notes == []


def test_a_driver_that_never_lets_go_is_an_outage(url: str, clock: Clock) -> None:
    holder, waiting = DatabaseLock(url, "lock"), DatabaseLock(url, "lock", patience_s=15.0)
    holder.acquire()
    with pytest.raises(OutageError, match=r"has had its lock for 15 s.* finds it; end or wake"):
        waiting.acquire()
    assert 15 <= clock.now_s < 16
    holder.release()
    waiting.acquire()
    waiting.release()


def test_a_turn_may_last_as_long_as_a_database_is_waited_for() -> None:
    assert TURN_PATIENCE_S > PATIENCE_S


def test_studies_do_not_keep_each_other_out(server: Server, clock: Clock) -> None:
    one, other = DatabaseLock(server.url, "one"), DatabaseLock(server.url, "other")
    one.acquire()
    other.acquire()
    other.release()
    one.release()
    assert clock.now_s == 0


def test_the_server_can_tell_who_has_the_lock(server: Server, clock: Clock) -> None:
    holder = DatabaseLock(server.url, "lock")
    holder.acquire()
    with pytest.raises(OutageError) as caught:
        DatabaseLock(server.url, "lock", patience_s=1.0).acquire()
    lock, question = holder._lock, str(caught.value).split("`")[1]
    assert isinstance(lock, _ServerLock)
    assert lock._connection is not None
    own = lock._connection.scalar(text("SELECT pg_backend_pid()"))
    assert [row.pid for row in lock._connection.execute(text(question))] == [own]
    holder.release()


def test_the_server_looks_whether_the_holder_s_machine_is_there(
    server: Server, clock: Clock
) -> None:
    holder = DatabaseLock(server.url, "lock")
    holder.acquire()
    assert isinstance(holder._lock, _ServerLock)
    assert holder._lock._connection is not None
    asked = [
        holder._lock._connection.scalar(text(f"SHOW tcp_keepalives_{name}"))
        for name in ("idle", "interval", "count")
    ]
    assert list(map(int, asked)) == [30, 10, 3]
    holder.release()


STOPPED = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("has it", flush=True)
time.sleep(3600)
"""


def test_a_search_beside_a_stopped_process_ends_in_a_sentence(
    small: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    address = StorageAddress(study="small", url=f"sqlite:///{tmp_path / 'studies.db'}")
    create_study(address, small.objectives)
    notes: list[str] = []
    store = OptunaStore(small, address, note=notes.append)
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED, f"{tmp_path / 'studies.db'}.lock"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with (
            pytest.raises(OutageError, match=r"`fuser .*studies\.db\.lock` finds it"),
            store.batch(),
        ):
            pass
        process.kill()
    with store.batch():
        pass
    assert len(notes) == 1


def test_a_disk_without_locks_is_no_other_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    (tmp_path / "studies.db").touch()

    def refuse(file: object, operation: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="No locks available"):
        DatabaseLock(f"sqlite:///{tmp_path / 'studies.db'}", "lock").acquire()
