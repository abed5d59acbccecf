"""Faults of databases: SQLite locked, killed and away; PostgreSQL stopped and started."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable

from lab import OUTAGE, Lab
from of_processes import die, die_in_training, drivers_together, hurry, send

from nas.search import _patient


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

    lab.search(lab.rng.randrange(lab.budget), lock)


def copied_folder(lab: Lab) -> None:
    """The run folder is copied, and both copies go on with the one study at the same time."""
    lab.search(lab.rng.randrange(2, lab.budget // 2), die)
    copy = lab.folder / "copy"
    shutil.copytree(lab.run, copy)

    def in_the_copy() -> None:
        hurry()
        lab.run = copy

    lab.training_s = 0.02
    drivers = lab.fork(before=hurry), lab.fork(before=in_the_copy)
    assert [lab.ended(one) for one in drivers] == [0, 0], lab.said
    assert len(lab.records()) == lab.budget, "they did not share the budget"


def database_stays_away(lab: Lab, take: Callable[[], object]) -> None:
    """It is taken away in a training, for longer than a search waits: 2 s instead of 300."""

    def impatient() -> None:
        _patient.PATIENCE_S = 2.0

    def fault() -> None:
        take()
        lab.witness.harm(time.monotonic())

    status = lab.ended(lab.fork(lab.rng.randrange(lab.budget), fault, before=impatient))
    assert status == OUTAGE, f"it ended with {status}: {lab.said}"
    assert "has been away for" in lab.said
    assert "nas resume" in lab.said


def locked_for_long(lab: Lab) -> None:
    """Somebody else holds the database for as long as the search lasts."""
    ready = lab.folder / "locked"

    def lock() -> None:
        driver = os.getpid()
        if os.fork():
            while not ready.exists():
                time.sleep(0.01)
            return
        with sqlite3.connect(lab.folder / "study.db", isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            ready.touch()
            while os.getppid() == driver:
                time.sleep(0.05)
        os._exit(0)

    database_stays_away(lab, lock)


SQLITE: dict[str, Callable[[Lab], None]] = {
    "SQLite: kill -9": send(signal.SIGKILL),
    "SQLite: process dies in a training": die_in_training,
    "SQLite: locked for 7 s": locked_database,
    "SQLite: locked for longer than is waited": locked_for_long,
    "SQLite: two drivers, one is killed": drivers_together,
    "SQLite: run folder copied, both go on": copied_folder,
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

    assert lab.search(lab.rng.randrange(lab.budget), stop) == 0


def stopped_server(lab: Lab) -> None:
    """PostgreSQL is stopped in a training, and started again once the search has ended."""
    server = lab.server
    assert server is not None
    try:
        database_stays_away(lab, server.stop)
    finally:
        server.start()


POSTGRESQL: dict[str, Callable[[Lab], None]] = {
    "PostgreSQL: restarted in a training": restarted_server,
    "PostgreSQL: away for longer than is waited": stopped_server,
    "PostgreSQL: kill -9 of the driver": send(signal.SIGKILL),
}
FAULTS = SQLITE | POSTGRESQL
