"""Processes that a command has started."""

from __future__ import annotations

import subprocess


def descendants(process: int) -> dict[int, str]:
    """Children and their children, by number: their commands."""
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    family, size = {process: ""}, 0
    while len(family) > size:
        size = len(family)
        family |= {int(pid): args for pid, parent, args in rows if int(parent) in family}
    return {pid: args for pid, args in family.items() if pid != process}
