"""What a Ray of our own leaves behind, without Ray."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from nas.workers import _processes
from nas.workers._processes import end

if TYPE_CHECKING:
    from collections.abc import Callable

DRIVER = """
import subprocess, sys
from nas.workers._processes import end_after_us

sleeping = "import time; time.sleep(600)"
started = [
    subprocess.Popen([sys.executable, "-c", sleeping, name], stdout=subprocess.DEVNULL).pid
    for name in ("ray::DashboardAgent", "another")
]
end_after_us(started, grace_s=0.1)
print(*started, flush=True)
input()
"""


def test_a_process_is_ray_s_from_its_first_moment() -> None:
    """Right after its start the kernel tells no command line."""
    words = [sys.executable, "-S", "-c", "import time; time.sleep(600)", "ray::agent"]
    for _ in range(20):
        agent = subprocess.Popen(words)
        end([agent.pid])
        ended = not Path(f"/proc/{agent.pid}").exists()
        agent.kill()
        agent.wait()
        assert ended


def test_a_zombie_is_nobody_s_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda s: pytest.fail("it waits"))
    monkeypatch.setattr(_processes, "time", clock)
    with subprocess.Popen(["true"]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        end([zombie.pid])
        assert Path(f"/proc/{zombie.pid}").exists()


def test_processes_of_ray_end_with_a_killed_driver_and_no_others() -> None:
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert driver.stdout is not None
    agent, other = (Path(f"/proc/{pid}/cmdline") for pid in driver.stdout.readline().split())
    _wait_until(lambda: _is_there(agent) and _is_there(other))

    driver.kill()
    driver.communicate()

    _wait_until(lambda: not _is_there(agent))
    assert _is_there(other)
    subprocess.run(["kill", other.parent.name], check=True)


def _wait_until(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.05)


def _is_there(process: Path) -> bool:
    """Whether it runs: one that only waits to be reaped has no command."""
    return process.exists() and bool(process.read_bytes())
