"""One worker in this very process: for debugging, and wherever Ray is too much.

Tasks are evaluated one by one, in the order given, while the caller waits in `next_result`;
a breakpoint or a profiler sees them like any other code.
"""

from __future__ import annotations

from collections import deque
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.workers._pool import Pool, WorkerInfo, check_task_timeout
from nas.workers._safe_evaluate import failed, safe_evaluate
from nas.workers._slot import MAX_LOSSES
from nas.workers._time_limit import TimeIsUpError, can_limit_time, time_limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.trial import Task, TrialResult
    from nas.workers._pool import Device, Factory


class LocalPool(Pool):
    """Evaluates in this process, inside `next_result`.

    Its `next_result` returns when a task is done, however short `timeout_s` is.

    Args:
        factory: makes the evaluator; called once, here.
        task_timeout_s: seconds a task may take. A signal (SIGUSR2) stops it, so a limit needs
            the main thread and Unix; it takes effect when the running operation returns to
            Python.
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
        if task_timeout_s is not None and not can_limit_time():
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
            self.device: Device = device or _find_device()
            self._evaluate = factory(
                WorkerInfo(index=0, device=self.device, num_threads=num_threads)
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
                with time_limit(self._task_timeout_s):
                    return safe_evaluate(self._evaluate, task, worker="local")
            except TimeIsUpError:
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
