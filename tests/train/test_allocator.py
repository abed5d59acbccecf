from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, torch
from nas.train import keep_freed_memory
wanted = keep_freed_memory() if {keep} else True
for _ in range(6):  # until there is room between what else lies in the heap
    torch.empty(12_000_000).fill_(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(12):
    torch.empty(12_000_000).fill_(1)
print(wanted, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no mallopt")
def test_freed_memory_is_not_faulted_in_again() -> None:
    """A process of its own: the switch cannot be put back."""

    def faults(keep: bool) -> int:
        words = [sys.executable, "-W", "ignore", "-c", PROGRAM.format(keep=keep)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        could, count = done.stdout.split()
        assert could == "True"
        return int(count)

    assert faults(True) < faults(False) / 5
