"""One driver at a time decides on a study in a database: what it read is then what holds."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from nas.search._storage import engine_options

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        key = crc32(f"nas {study}".encode())
        self._statements = [one.format(key=key) for one in SERVER_LOCKS.get(backend, ())]
        if self._statements:
            self._engine = create_engine(
                url, pool_size=1, pool_pre_ping=True, **engine_options(url)
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock within. Raises OSError or SQLAlchemyError before it is held."""
        if self._path is not None:
            with self._path.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        elif self._statements:
            with self._held_by_server():
                yield
        else:
            yield

    @contextmanager
    def _held_by_server(self) -> Iterator[None]:
        take, give_back = map(text, self._statements)
        connection = self._engine.connect()
        try:
            connection.execute(take)
            yield
        finally:
            # A server that went away meanwhile has taken the lock back by itself.
            with suppress(SQLAlchemyError):
                connection.execute(give_back)
            with suppress(SQLAlchemyError):
                connection.close()
