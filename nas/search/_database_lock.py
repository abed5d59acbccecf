"""One driver at a time decides on a study in a database: what it read is then what holds.

A lock is asked for again and again. To wait for it in the kernel or within the server would be
simpler, but a driver that hangs with it would hold up the others for ever, without a word.
"""

from __future__ import annotations

import fcntl
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol
from zlib import crc32

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from nas.errors import OutageError
from nas.search._connection import COUNT, IDLE_S, INTERVAL_S, engine_options
from nas.search._patient import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection

TURN_PATIENCE_S = 2 * PATIENCE_S
"""How long another driver may have the lock. One that is well needs seconds to read, choose and
write, and waits PATIENCE_S at most for a database that is away."""
NOTE_S = 10.0
"""After how long a log hears of another driver that has the lock."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.005, 0.25


class DatabaseLock:
    """Keeps other drivers of a study out.

    SQLite: a lock file beside the database. PostgreSQL, MySQL: an advisory lock of the server.
    Other databases: none, and two drivers may train one network.
    """

    def __init__(
        self,
        url: str,
        study: str,
        *,
        note: Callable[[str], None] = lambda text: None,
        patience_s: float = TURN_PATIENCE_S,
    ) -> None:
        """Nothing is locked yet, and no connection made.

        Args:
            url: Of the database.
            study: Its name.
            note: Hears of a long wait.
            patience_s: How long another driver may have the lock.
        """
        self._lock = _lock_of(url, study)
        self._note = note
        self._patience_s = patience_s

    def acquire(self) -> None:
        """Wait until the lock is this driver's.

        Raises:
            OutageError: another driver has had it for `patience_s`.
            OSError: the lock file cannot be made.
            SQLAlchemyError: the server does not answer.
        """
        if self._lock is None:
            return
        began_s, pause_s, noted = time.monotonic(), FIRST_PAUSE_S, False
        while not self._lock.take():
            waited_s = time.monotonic() - began_s
            if waited_s >= self._patience_s:
                raise OutageError(
                    f"another driver of this study has had its lock for {waited_s:.0f} s, so it "
                    f"hangs or is stopped: {self._lock.way_to_holder} finds it; end or wake it"
                )
            if waited_s >= NOTE_S and not noted:
                noted = True
                self._note(
                    f"waiting for another driver, which has had the study's lock for "
                    f"{waited_s:.0f} s; for {self._patience_s:g} s at most"
                )
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        if noted:
            self._note("the other driver has let go of the study's lock")

    def release(self) -> None:
        """Let others in."""
        if self._lock is not None:
            self._lock.release()


class _Lock(Protocol):
    way_to_holder: str
    """A command that tells who has it."""

    def take(self) -> bool:
        """Whether it is ours now; at once."""

    def release(self) -> None:
        """Give it back, if it is ours."""


def _lock_of(url: str, study: str) -> _Lock | None:
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database and Path(parsed.database).is_file():
        return _FileLock(Path(f"{parsed.database}.lock"))
    key = crc32(f"nas {study}".encode())
    if backend == "postgresql":
        return _PostgresLock(url, key)
    return _MySQLLock(url, key) if backend in ("mysql", "mariadb") else None


class _FileLock:
    """Of the operating system."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self.way_to_holder = f"`fuser {path}`"

    def take(self) -> bool:
        file = self._path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            if isinstance(error, BlockingIOError):
                return False
            raise
        self._file = file
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None


class _ServerLock:
    """Of a connection to a server; it is gone with the connection, too."""

    take_statement: str
    release_statement: str
    way: str

    def __init__(self, url: str, key: int) -> None:
        self._key = key
        self._connection: Connection | None = None
        self._engine = create_engine(
            url,
            pool_size=1,
            pool_pre_ping=True,
            isolation_level="AUTOCOMMIT",  # a server may end transactions that do nothing
            **engine_options(url),
        )
        event.listen(self._engine, "connect", self.begin)
        self.way_to_holder = self.way.format(key=key)
        # Its connection is kept for the next turn, and closed with the lock.
        weakref.finalize(self, self._engine.dispose)

    @staticmethod
    def begin(connection: Any, record: object) -> None:
        """What a new connection is told first."""

    def take(self) -> bool:
        connection = self._engine.connect()
        try:
            taken = bool(connection.scalar(text(self.take_statement), {"key": self._key}))
        except SQLAlchemyError:
            connection.invalidate()
            raise
        if taken:
            self._connection = connection
        else:
            connection.close()
        return taken

    def release(self) -> None:
        if self._connection is None:
            return
        # A server that went away meanwhile has taken the lock back by itself.
        with suppress(SQLAlchemyError):
            self._connection.execute(text(self.release_statement), {"key": self._key})
        with suppress(SQLAlchemyError):
            self._connection.close()
        self._connection = None


class _PostgresLock(_ServerLock):
    take_statement = "SELECT pg_try_advisory_lock(:key)"
    release_statement = "SELECT pg_advisory_unlock(:key)"
    way = (
        "`SELECT pid, client_addr FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype "
        "= 'advisory' AND objid = {key}`"
    )

    @staticmethod
    def begin(connection: Any, record: object) -> None:
        """Have the server notice within a minute that a driver's machine is gone."""
        with connection.cursor() as cursor:
            for name, value in (("idle", IDLE_S), ("interval", INTERVAL_S), ("count", COUNT)):
                cursor.execute(f"SET tcp_keepalives_{name} = {value}")


class _MySQLLock(_ServerLock):
    take_statement = "SELECT GET_LOCK(CONCAT('nas-', :key), 0)"
    release_statement = "SELECT RELEASE_LOCK(CONCAT('nas-', :key))"
    way = "`SELECT IS_USED_LOCK('nas-{key}')`"
