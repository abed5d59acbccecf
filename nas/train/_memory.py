"""How much memory this process may have, so that a training that cannot fit is not begun."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import torch

LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""What a container or a batch system allows, by cgroups of version 2 and 1."""


def memory_bytes(device: str = "cpu") -> int:
    """Bytes of memory in all: of the GPU, or of the machine as far as this process may use it."""
    if device.startswith("cuda"):
        return int(torch.cuda.get_device_properties(device).total_memory)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(machine, *map(_limit, LIMITS))


def _limit(file: Path) -> int:
    """A limit in bytes; 2**63 where there is none."""
    with suppress(OSError, ValueError):
        return int(file.read_text())
    return 1 << 63
