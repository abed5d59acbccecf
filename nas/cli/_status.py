"""Exit statuses that a shell or a scheduler knows."""

from __future__ import annotations

INTERRUPTED = 130
"""What a shell says of a program that Ctrl-C ended."""
OUTAGE = 75
"""EX_TEMPFAIL of sysexits.h: the same command may succeed later."""
