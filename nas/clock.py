"""Time as a process lives it: while the machine sleeps, none passes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_STEP_S = 5.0
"""What a gap between two looks at an `AwakeClock` counts for at most, if left out."""


class AwakeClock:
    """Seconds in which this process could run; somebody has to look more often than `max_step_s`.

    A longer gap is a machine that was suspended, a frozen container or a stopped process: time
    in which no worker could have finished its task either.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, max_step_s: float = MAX_STEP_S
    ) -> None:
        self._clock = clock
        self._max_step_s = max_step_s
        self._seen_s = clock()
        self._awake_s = 0.0

    def __call__(self) -> float:
        """Seconds awake since the clock was made."""
        now_s = self._clock()
        self._awake_s += min(now_s - self._seen_s, self._max_step_s)
        self._seen_s = now_s
        return self._awake_s
