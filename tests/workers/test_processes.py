"""What a Ray of our own leaves behind, without Ray."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

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


def test_processes_of_ray_end_with_a_killed_driver_and_no_others() -> None:
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert driver.stdout is not None
    agent, other = (Path(f"/proc/{pid}/cmdline") for pid in driver.stdout.readline().split())
    assert _is_there(agent)

    driver.kill()
    driver.communicate()

    _wait_until_gone(agent)
    assert _is_there(other)
    subprocess.run(["kill", other.parent.name], check=True)


def _wait_until_gone(process: Path) -> None:
    until_s = time.monotonic() + 120
    while _is_there(process):
        assert time.monotonic() < until_s, f"{process} goes on"
        time.sleep(0.05)


def _is_there(process: Path) -> bool:
    """Whether it runs: one that only waits to be reaped has no command."""
    return process.exists() and bool(process.read_bytes())
