"""A limit on the time that a block of the main thread takes: for tasks in this very process.

A second thread watches the clock and, once, sends this thread a signal whose handler raises.
A timer of the system (SIGALRM) would be simpler, but it is the caller's as well as ours, and one
that rings while the process is stopped may be heard after the block, by the caller's handler.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nas.clock import AwakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

TICK_S = 1.0
"""How often the clock is looked at."""


class TimeIsUpError(BaseException):
    """Not an Exception, so that an evaluator that records every error lets it pass."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise TimeIsUpError in the body after `seconds` awake; None never does.

    It takes effect when the running operation returns to Python. Needs `can_limit_time()`.
    """
    if seconds is None:
        yield
        return
    watch = _Watch(seconds, threading.get_ident())
    old_handler = signal.signal(signal.SIGUSR2, watch.on_signal)
    try:
        # Two blocks: the signal may come at any point of the inner one, its end included.
        try:
            watch.start()
            yield
        finally:
            watch.end()
    finally:
        signal.signal(signal.SIGUSR2, old_handler)


def can_limit_time() -> bool:
    """Whether this is the main thread, which alone hears signals, and the system has them."""
    return hasattr(signal, "SIGUSR2") and threading.current_thread() is threading.main_thread()


class _Watch:
    """Sends one signal to one thread when the time is up, and none once it was ended."""

    def __init__(self, seconds: float, thread: int) -> None:
        self._seconds = seconds
        self._thread = thread
        self._ended = threading.Event()
        self._sending = threading.Lock()
        self._watcher = threading.Thread(target=self._wait, name="time limit", daemon=True)

    def start(self) -> None:
        self._watcher.start()

    def end(self) -> None:
        self._ended.set()
        with self._sending:  # a signal on its way has arrived when this is ours
            pass

    def on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        if not self._ended.is_set():
            raise TimeIsUpError

    def _wait(self) -> None:
        awake_s = AwakeClock(max_step_s=5 * TICK_S)
        while awake_s() < self._seconds:
            if self._ended.wait(min(self._seconds, TICK_S)):
                return
        with self._sending:
            if not self._ended.is_set():
                signal.pthread_kill(self._thread, signal.SIGUSR2)
