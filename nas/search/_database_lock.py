"""One driver at a time decides on a study in a database: what it read is then what holds."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

WAIT_S = 60
"""How long to wait for a lock of MySQL; the others wait until it is free."""


def database_lock(url: str, study: str) -> AbstractContextManager[None]:
    """Keep other drivers of this study out.

    SQLite: a lock file beside the database. PostgreSQL, MySQL: an advisory lock of the server,
    gone with its connection. Other databases: none, and two drivers may train one network.
    """
    backend = make_url(url).get_backend_name()
    database = make_url(url).database
    if backend == "sqlite":
        return _file_lock(Path(f"{database}.lock"))
    key = crc32(f"nas {study}".encode())
    if backend == "postgresql":
        return _server_lock(url, f"SELECT pg_advisory_lock({key})")
    if backend in ("mysql", "mariadb"):
        return _server_lock(url, f"SELECT GET_LOCK('nas-{key}', {WAIT_S})")
    return _no_lock()


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _server_lock(url: str, statement: str) -> Iterator[None]:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        connection.execute(text(statement))
        yield


@contextmanager
def _no_lock() -> Iterator[None]:
    yield
