"""Faults of Ray: workers, its raylet and the driver killed. Each starts a Ray of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lab import INTERRUPTED, OUTAGE, Lab, ended

PATIENCE_S = 600.0


def begin(lab: Lab) -> int:
    """A search whose workers train. The driver's process id."""
    driver = lab.fork()
    wait_until(lambda: bool(lab.trained.read_text()))
    time.sleep(lab.rng.uniform(0.0, 0.5))
    return driver


def wait_until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """AssertionError if it does not come true."""
    until_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until_s, "nothing happened for long"
        time.sleep(0.05)


def belonging(driver: int, *words: str) -> list[int]:
    """Processes that the driver's Ray has started, with one of the words in their command."""
    below, found = {driver}, []
    parents = sorted((int(path.name), path) for path in Path("/proc").glob("[0-9]*"))
    for process, path in parents:  # parents have smaller numbers than their children
        with suppress(OSError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent in below:
                below.add(process)
                command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found += [process] if any(word in command for word in words) else []
    return found


def is_alive(process: int) -> bool:
    """Whether it is there, and not only waits to be reaped."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(processes: list[int]) -> None:
    """All at once."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def one_worker(lab: Lab) -> None:
    """A worker is killed; the search goes on with another."""
    driver = begin(lab)
    kill(belonging(driver, "ray::network", "ray::WorkerProcess")[:1])
    assert ended(driver) == 0


def all_workers(lab: Lab) -> None:
    """All workers are killed at once; no network is blamed."""
    driver = begin(lab)
    kill(belonging(driver, "ray::network", "ray::WorkerProcess"))
    assert ended(driver) == 0


def raylet(lab: Lab) -> None:
    """Ray's own process on this machine is killed: the search says so, and ends."""
    driver = begin(lab)
    kill(belonging(driver, "raylet/raylet"))
    assert ended(driver) == OUTAGE


def driver_killed(lab: Lab) -> None:
    """Kill -9 of the driver: what Ray has started is gone within a minute."""
    driver = begin(lab)
    left = belonging(driver, "ray")
    os.kill(driver, signal.SIGKILL)
    ended(driver)
    wait_until(lambda: not any(map(is_alive, left)), 60.0)


def ctrl_c(lab: Lab) -> None:
    """Ctrl-C while Ray starts, or while workers train."""
    driver = lab.fork() if lab.rng.random() < 0.5 else begin(lab)
    time.sleep(lab.rng.uniform(0.0, 2.0))
    os.kill(driver, signal.SIGINT)
    assert ended(driver) in (0, INTERRUPTED)


FAULTS: dict[str, Callable[[Lab], None]] = {
    "Ray: a worker killed": one_worker,
    "Ray: all workers killed at once": all_workers,
    "Ray: raylet killed": raylet,
    "Ray: kill -9 of the driver": driver_killed,
    "Ray: Ctrl-C, also while it starts": ctrl_c,
}
