"""The processes that this one has started: a Ray that fails or loses its driver leaves some."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_STARTING_S = 5.0
"""Longer than the kernel takes from a program's beginning to its command line."""
_AFTER_US = """
read -r _
sleep "$0"
for one; do grep -qs ray "/proc/$one/cmdline" && kill -9 "$one"; done
"""
"""Nothing is ever written to the shell: it reads on when whoever could write is gone."""


def children(process: int | str = "self") -> set[int]:
    """Process ids; empty where the system does not tell (it is Linux that does)."""
    found: set[int] = set()
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            found |= set(map(int, file.read_text().split()))
    return found


def with_children(processes: Iterable[int]) -> set[int]:
    """These, and those that they have started."""
    found = set(processes)
    return found.union(*map(children, found))


def end_children(*, except_for: set[int]) -> None:
    """Kill all others that are Ray's, and theirs, and reap them."""
    found = set(filter(_is_ray, children() - except_for))
    for process in found:
        with suppress(OSError):
            os.kill(process, signal.SIGSTOP)  # from here on it starts no others
    end(with_children(found))


def end(processes: Iterable[int]) -> None:
    """Kill those of these that are Ray's, and reap our own."""
    for process in filter(_is_ray, processes):
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
        with suppress(OSError):
            os.waitpid(process, 0)


def end_after_us(
    processes: Iterable[int], *, grace_s: float = 5.0
) -> subprocess.Popen[bytes] | None:
    """See that those of Ray are gone `grace_s` seconds after this process, however it ends.

    Ray's two agents would go on for a minute (2.60). Returns what watches over them, to be killed
    once they are gone; None where there are none, or no shell.
    """
    watched, quiet = [str(process) for process in processes], subprocess.DEVNULL
    with suppress(OSError):
        if watched:
            return subprocess.Popen(
                ["/bin/sh", "-c", _AFTER_US, str(grace_s), *watched],
                stdin=subprocess.PIPE,
                stdout=quiet,
                stderr=quiet,
                start_new_session=True,  # Ctrl-C and a closed terminal are not for it
            )
    return None


def _is_ray(process: int) -> bool:
    """By its command line, which a process that is just being started has in a moment."""
    until_s = time.monotonic() + _STARTING_S
    try:
        while not (words := Path(f"/proc/{process}/cmdline").read_bytes()):
            if _is_zombie(process) or time.monotonic() > until_s:
                return False
            time.sleep(0.001)
    except OSError:
        return False
    return b"ray" in words


def _is_zombie(process: int) -> bool:
    state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "Z"
