from __future__ import annotations

import signal
import time
from contextlib import suppress

import pytest

from nas.workers._time_limit import TimeIsUpError, time_limit


def test_a_signal_that_comes_as_the_block_ends_is_never_the_callers() -> None:
    """Limits are as long as what they limit, so that many ring at the last moment."""
    heard: list[int] = []
    old = signal.signal(signal.SIGUSR2, lambda number, frame: heard.append(number))
    try:
        for _ in range(500):
            with suppress(TimeIsUpError), time_limit(1e-3):
                time.sleep(0.9e-3)
        time.sleep(0.01)
        assert not heard
        signal.raise_signal(signal.SIGUSR2)
        assert heard == [signal.SIGUSR2]
    finally:
        signal.signal(signal.SIGUSR2, old)


def test_a_long_block_is_stopped_and_a_short_one_is_not() -> None:
    with pytest.raises(TimeIsUpError), time_limit(0.05):
        time.sleep(60)
    with time_limit(60):
        time.sleep(0.05)
    with time_limit(None):
        time.sleep(0.05)
