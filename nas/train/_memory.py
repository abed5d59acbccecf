"""How much memory this process may have, so that a training that cannot fit is not begun."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_LIMIT = 1 << 63
_OWN = Path("/proc/self/cgroup")
_MOUNTED = Path("/sys/fs/cgroup")


def memory_bytes(device: str = "cpu") -> int:
    """Bytes of memory in all: of the GPU, or of the machine as far as this process may use it."""
    if device.startswith("cuda"):
        return int(torch.cuda.get_device_properties(device).total_memory)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(machine, cgroup_limit_bytes())


def cgroup_limit_bytes(own: Path = _OWN, mounted: Path = _MOUNTED) -> int:
    """What a container or a batch system allows: the tightest limit of our cgroup and its parents.

    Args:
        own: The cgroups of this process, as in cgroups(7): `0::/PATH` for version 2,
            `N:memory:/PATH` for version 1.
        mounted: Where the hierarchies are.

    Returns:
        2**63 where there is no limit.
    """
    return min(map(_limit, _limit_files(own, mounted)), default=NO_LIMIT)


def _limit_files(own: Path, mounted: Path) -> Iterator[Path]:
    """Files that may hold a limit, from our group to the root.

    In a container the path may be that of the host, and only the root be there.
    """
    with suppress(OSError):
        for line in own.read_text().splitlines():
            number, controllers, path = line.split(":", maxsplit=2)
            parts = [part for part in path.split("/") if part not in ("", "..")]
            roots: tuple[Path, ...]
            if number == "0":
                roots, name = (mounted, mounted / "unified"), "memory.max"
            elif "memory" in controllers.split(","):
                roots, name = (mounted / "memory",), "memory.limit_in_bytes"
            else:
                continue
            for depth in range(len(parts), -1, -1):
                yield from (root.joinpath(*parts[:depth], name) for root in roots)


def _limit(file: Path) -> int:
    with suppress(OSError, ValueError):
        return int(file.read_text())
    return NO_LIMIT
