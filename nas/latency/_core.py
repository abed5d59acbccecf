"""One processor core for one measurement at a time."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WATCHING_S = 0.1


@contextmanager
def exclusive_core() -> Iterator[int | None]:
    """Within it the calling thread runs on one core, which nobody else measures on.

    Takes the idlest core that is free, and waits where all are taken. Yields its number; None
    where the system cannot pin threads.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield None
        return
    allowed = os.sched_getaffinity(0)
    with _slot(idlest_first(allowed)) as core:
        os.sched_setaffinity(0, {core})
        try:
            yield core
        finally:
            os.sched_setaffinity(0, allowed)


def idlest_first(cores: set[int]) -> list[int]:
    """`cores`, those first that did least in the last tenth of a second."""
    before = _busy_ticks()
    time.sleep(WATCHING_S)
    after = _busy_ticks()
    return sorted(cores, key=lambda core: (after.get(core, 0) - before.get(core, 0), core))


def _busy_ticks() -> dict[int, int]:
    """Ticks in which every core did something, since the system started."""
    stat = Path("/proc/stat")
    busy = {}
    for line in stat.read_text().splitlines() if stat.exists() else []:
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            numbers = [int(tick) for tick in ticks]
            busy[int(name[3:])] = sum(numbers[:8]) - numbers[3] - numbers[4]  # idle, waiting
    return busy


@contextmanager
def _slot(cores: list[int]) -> Iterator[int]:
    import fcntl

    files = {core: _open(core) for core in cores}
    try:
        while True:
            for core, file in files.items():
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue
                yield core
                return
            time.sleep(WATCHING_S)
    finally:
        for file in files.values():
            file.close()  # and with it the lock is gone


def _open(core: int) -> IO[str]:
    """The file whose lock stands for a core; every user of the machine may lock it."""
    path = Path(tempfile.gettempdir()) / f"nas-latency-core-{core}.lock"
    try:
        return path.open("a")
    except PermissionError:
        return path.open("r")
