"""One worker in this very process: for debugging, and wherever Ray is too much.

Tasks are evaluated one by one, in the order given, while the caller waits in `next_result`;
a breakpoint or a profiler sees them like any other code.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.workers._clock import AwakeClock
from nas.workers._pool import Pool, WorkerInfo, check_task_timeout
from nas.workers._safe_evaluate import failed, safe_evaluate
from nas.workers._slot import MAX_LOSSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from nas.trial import Task, TrialResult
    from nas.workers._pool import Device, Factory

TICK_S = 1.0
"""How often a task's time is looked at."""


class LocalPool(Pool):
    """Evaluates in this process, inside `next_result`.

    Its `next_result` returns when a task is done, however short `timeout_s` is.

    Args:
        factory: makes the evaluator; called once, here.
        task_timeout_s: seconds a task may take. An alarm signal stops it, so a limit needs the
            main thread and Unix; it takes effect when the running operation returns to Python.
        device: where to train; None takes a GPU where torch finds one.
        num_threads: threads of torch until the pool is closed. One, as each Ray worker has, so
            that both pools round alike.
    """

    def __init__(
        self,
        factory: Factory,
        *,
        task_timeout_s: float | None = None,
        device: Device | None = None,
        num_threads: int = 1,
    ) -> None:
        check_task_timeout(task_timeout_s)
        if task_timeout_s is not None and not _can_use_alarm():
            raise OptionError(
                "task_timeout_s: the local pool can stop a task only from the main thread, on "
                "Unix; give None, or use Ray workers"
            )
        self.num_workers = 1
        self.description = "in process"
        self._task_timeout_s = task_timeout_s
        self._queue: deque[Task] = deque()
        self._closed = False
        self._restore_threads = _set_threads(num_threads)
        try:
            self._evaluate = factory(
                WorkerInfo(index=0, device=device or _find_device(), num_threads=num_threads)
            )
        except BaseException:
            self._restore_threads()
            raise

    def submit(self, task: Task) -> None:
        """Put a task at the end of the queue."""
        self._check_open()
        self._queue.append(task)

    def next_result(self, timeout_s: float | None = None) -> TrialResult | None:
        """Evaluate the oldest task, or return None if there is none."""
        self._check_open()
        if not self._queue:
            return None
        task = self._queue.popleft()
        for _ in range(MAX_LOSSES):
            try:
                with _alarm_after(self._task_timeout_s):
                    return safe_evaluate(self._evaluate, task, worker="local")
            except _TimeIsUpError:
                continue
        message = f"the task ran longer than {self._task_timeout_s:g} s {MAX_LOSSES} times"
        return failed(task, "Timeout", message, worker="local")

    def close(self) -> None:
        """Forget the waiting tasks, and give torch its threads back."""
        if not self._closed:
            self._restore_threads()
        self._closed = True
        self._queue.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this pool is closed; make a new one")


class _TimeIsUpError(BaseException):
    """Not an Exception, so that an evaluator that records every error lets it pass."""


@contextmanager
def _alarm_after(seconds: float | None) -> Iterator[None]:
    """Raise _TimeIsUpError in the body after `seconds` awake; the caller's alarm stays armed."""
    if seconds is None:
        yield
        return
    old_handler = signal.signal(signal.SIGALRM, _Alarm(seconds))
    started_s = time.monotonic()
    tick_s = min(seconds, TICK_S)
    old_delay_s, old_interval_s = signal.setitimer(signal.ITIMER_REAL, tick_s, tick_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old_handler)
        if old_delay_s:
            left_s = max(old_delay_s - (time.monotonic() - started_s), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left_s, old_interval_s)


class _Alarm:
    """Called every tick; raises once the process was awake for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._awake = AwakeClock()
        self._began_cpu_s = time.thread_time()

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        # A long operation that keeps signals waiting is work, not sleep: processor time counts.
        worked_s = time.thread_time() - self._began_cpu_s
        if max(self._awake(), worked_s) >= self._seconds:
            raise _TimeIsUpError


def _can_use_alarm() -> bool:
    return hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()


def _set_threads(count: int) -> Callable[[], None]:
    """Give torch so many threads; the answer takes that back."""
    if find_spec("torch") is None:
        return lambda: None
    torch = import_module("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    return lambda: torch.set_num_threads(before)


def _find_device() -> Device:
    # Loaded late and by name: the package must import without torch.
    if find_spec("torch") is None:
        return "cpu"
    return "cuda" if import_module("torch").cuda.is_available() else "cpu"
