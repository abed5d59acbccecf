"""The processes that this one has started: a Ray that failed to start leaves some behind."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def children() -> set[int]:
    """Process ids; empty where the system does not tell (it is Linux that does)."""
    found: set[int] = set()
    for file in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found |= set(map(int, file.read_text().split()))
    return found


def end_children(*, except_for: set[int]) -> None:
    """Kill and reap all others that are Ray's."""
    for process in filter(_is_ray, children() - except_for):
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
        with suppress(OSError):
            os.waitpid(process, 0)


def _is_ray(process: int) -> bool:
    try:
        return b"ray" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False
