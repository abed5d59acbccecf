"""Faults of databases: SQLite locked, killed and away; PostgreSQL stopped and started."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable

from lab import BUDGET, Lab
from of_processes import die, send


def locked_database(lab: Lab) -> None:
    """Somebody else holds the database for some seconds."""

    def lock() -> None:
        if os.fork():
            time.sleep(0.2)
            return
        with sqlite3.connect(lab.folder / "study.db", isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(7)
        os._exit(0)

    lab.search(lab.rng.randrange(BUDGET), lock)


def die_in_training(lab: Lab) -> None:
    """The process ends within a training."""
    lab.search(lab.rng.randrange(BUDGET), die)


SQLITE: dict[str, Callable[[Lab], None]] = {
    "SQLite: kill -9": send(signal.SIGKILL),
    "SQLite: process dies in a training": die_in_training,
    "SQLite: locked for 7 s": locked_database,
}


def restarted_server(lab: Lab) -> None:
    """PostgreSQL is stopped at once in a training, and started again after a second."""
    server = lab.server
    assert server is not None

    def stop() -> None:
        server.stop()
        if os.fork() == 0:
            time.sleep(1.0)
            server.start()
            os._exit(0)

    assert lab.search(lab.rng.randrange(BUDGET), stop) == 0


POSTGRESQL: dict[str, Callable[[Lab], None]] = {
    "PostgreSQL: restarted in a training": restarted_server,
    "PostgreSQL: kill -9 of the driver": send(signal.SIGKILL),
}
FAULTS = SQLITE | POSTGRESQL
