"""The C library's memory allocator, told to keep what a training frees: it will ask again."""

from __future__ import annotations

import ctypes
from functools import cache

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""glibc's names for them in malloc.h, M_TRIM_THRESHOLD and M_MMAP_MAX."""


@cache
def keep_freed_memory() -> bool:
    """Make steps on a CPU up to 1.4 times faster from now on, in this process; whether it could.

    glibc hands the pages of a freed tensor back to the kernel and faults them in again for the
    next one. Other C libraries have no such switch. Results are the same to the bit.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))
