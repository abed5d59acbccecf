"""One driver at a time decides on a study in a database: what it read is then what holds."""

from __future__ import annotations

import fcntl
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING
from zlib import crc32

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from nas.search._storage import engine_options

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

WAIT_S = 3600
"""How long MySQL is told to wait for a lock; the others wait until it is free."""
SERVER_LOCKS = {
    "postgresql": ("SELECT pg_advisory_lock({key})", "SELECT pg_advisory_unlock({key})"),
    "mysql": (f"SELECT GET_LOCK('nas-{{key}}', {WAIT_S})", "SELECT RELEASE_LOCK('nas-{key}')"),
}
"""How a server gives an advisory lock and takes it back; it is gone with its connection, too."""


class DatabaseLock:
    """Keeps other drivers of a study out.

    SQLite: a lock file beside the database. PostgreSQL, MySQL: an advisory lock of the server.
    Other databases: none, and two drivers may train one network.
    """

    def __init__(self, url: str, study: str) -> None:
        """Nothing is locked yet, and no connection made."""
        parsed = make_url(url)
        backend = parsed.get_backend_name().replace("mariadb", "mysql")
        self._path: Path | None = None
        if backend == "sqlite" and parsed.database and Path(parsed.database).is_file():
            self._path = Path(f"{parsed.database}.lock")
        self._file: IO[str] | None = None
        self._connection: Connection | None = None
        key = crc32(f"nas {study}".encode())
        self._statements = [one.format(key=key) for one in SERVER_LOCKS.get(backend, ())]
        if self._statements:
            self._engine = create_engine(
                url, pool_size=1, pool_pre_ping=True, **engine_options(url)
            )
            # Its connection is kept for the next turn, and closed with the lock.
            weakref.finalize(self, self._engine.dispose)

    def acquire(self) -> None:
        """Wait until the lock is this driver's. Raises OSError or SQLAlchemyError."""
        if self._path is not None:
            self._file = self._path.open("w")
            fcntl.flock(self._file, fcntl.LOCK_EX)
        elif self._statements:
            connection = self._engine.connect()
            try:
                connection.execute(text(self._statements[0]))
            except SQLAlchemyError:
                connection.invalidate()
                raise
            self._connection = connection

    def release(self) -> None:
        """Let others in."""
        if self._file is not None:
            self._file.close()
        if self._connection is not None:
            # A server that went away meanwhile has taken the lock back by itself.
            with suppress(SQLAlchemyError):
                self._connection.execute(text(self._statements[1]))
            with suppress(SQLAlchemyError):
                self._connection.close()
        self._file = self._connection = None
