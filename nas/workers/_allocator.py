"""The memory allocator that a process trains with, which it must be told before it starts."""

from __future__ import annotations

import os
from ctypes.util import find_library
from functools import cache

_LIBRARIES = ("tcmalloc_minimal", "tcmalloc")


def allocator_variables() -> dict[str, str]:
    """Environment variables that make training on a CPU 1.1 to 1.4 times faster.

    glibc hands the pages of a freed tensor back to the kernel and faults them in again for the
    next one; two settings stop that. tcmalloc, where it is installed (Debian's package
    libtcmalloc-minimal4), is faster still by up to a quarter: a small network asks for memory a
    thousand times a step. A library that is preloaded already stays the only one.
    """
    variables = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "-1"}
    if "LD_PRELOAD" not in os.environ and (library := _tcmalloc()) is not None:
        variables["LD_PRELOAD"] = library
    return variables


@cache
def _tcmalloc() -> str | None:
    """Its file name, as the dynamic linker knows it."""
    return next((found for name in _LIBRARIES if (found := find_library(name))), None)
