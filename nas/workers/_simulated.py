"""Workers on a simulated clock: each training takes as long as its result says, and no time here.

For benchmarks on recorded trainings and for tests of scale: the engine and its loop run as in any
search, with hundreds of workers, in the time that the driver itself needs. With `charge_driver`
that time counts: whatever processor time passes between two calls of the pool moves the clock,
as if the driver had computed while its workers trained.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from typing import TYPE_CHECKING

from nas.workers._pool import Pool, WorkerInfo, check_task_timeout
from nas.workers._safe_evaluate import failed, safe_evaluate

if TYPE_CHECKING:
    from nas.trial import Task, TrialResult
    from nas.workers._pool import Factory


class SimulatedPool(Pool):
    """Evaluates in this process; time is `now_s` and goes by results' `train_s`.

    Args:
        factory: Makes the evaluator, which looks a result up or pretends one.
        num_workers: Trainings at the same time.
        task_timeout_s: Simulated seconds a task may take.
        charge_driver: Whether processor time between calls moves the clock.
    """

    def __init__(
        self,
        factory: Factory,
        *,
        num_workers: int = 1,
        task_timeout_s: float | None = None,
        charge_driver: bool = False,
    ) -> None:
        check_task_timeout(task_timeout_s)
        self.num_workers = num_workers
        self.description = f"{num_workers} simulated workers"
        self.now_s = 0.0
        """The simulated clock."""
        self.busy_s = 0.0
        """Seconds of trainings that are over, summed over the workers."""
        self._task_timeout_s = task_timeout_s
        self._charge_driver = charge_driver
        self._evaluate = factory(WorkerInfo(index=0, device="cpu", num_threads=1))
        self._waiting: deque[Task] = deque()
        self._begun: list[tuple[float, Task]] = []
        """(begin, task): on a worker, evaluated when a result is next asked for."""
        self._running: list[tuple[float, int, float, TrialResult]] = []
        """(end, order of start, begin, result), a heap."""
        self._num_started = 0
        self._closed = False
        self._left_cpu_s = time.process_time()

    def submit(self, task: Task) -> None:
        """Start the task on a free worker, or put it at the end of the queue."""
        self._enter()
        self._waiting.append(task)
        self._start_waiting()
        self._leave()

    def next_result(self, timeout_s: float | None = None) -> TrialResult | None:
        """Move the clock to the next end of a training, or by `timeout_s` if that is sooner."""
        self._enter()
        self._evaluate_begun()
        if not self._running:
            self._leave()
            return None
        end_s, _, begin_s, result = self._running[0]
        if timeout_s is not None and end_s > self.now_s + timeout_s:
            self.now_s += timeout_s
            self._leave()
            return None
        heapq.heappop(self._running)
        self.now_s = max(self.now_s, end_s)
        self.busy_s += end_s - begin_s
        self._start_waiting()
        self._leave()
        return result

    @property
    def worked_s(self) -> float:
        """Seconds of training up to now, those under way included."""
        self._evaluate_begun()
        under_way = (min(self.now_s, end) - begin for end, _, begin, _ in self._running)
        return self.busy_s + sum(under_way)

    def close(self) -> None:
        """Forget all tasks."""
        self._closed = True
        self._waiting.clear()
        self._begun.clear()
        self._running.clear()

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) + len(self._begun) < self.num_workers:
            self._begun.append((self.now_s, self._waiting.popleft()))

    def _evaluate_begun(self) -> None:
        """Not before a result is asked for: submitting returns at once, as in every pool."""
        for begin_s, task in self._begun:
            result, seconds = self._evaluated(task)
            entry = (begin_s + seconds, self._num_started, begin_s, result)
            heapq.heappush(self._running, entry)
            self._num_started += 1
        self._begun.clear()

    def _evaluated(self, task: Task) -> tuple[TrialResult, float]:
        """A task's result, and the simulated seconds until it comes."""
        result = safe_evaluate(self._evaluate, task, worker="simulated")
        seconds = result.scores.train_s if result.scores is not None else 0.0
        limit_s = self._task_timeout_s
        if limit_s is not None and seconds > limit_s:
            message = f"the task ran longer than {limit_s:g} s and was stopped"
            return failed(task, "Timeout", message, worker="simulated"), limit_s
        return result, seconds

    def _enter(self) -> None:
        """The driver's time since the last call has passed on the workers' clock too."""
        if self._closed:
            raise RuntimeError("this pool is closed; make a new one")
        if self._charge_driver:
            self.now_s += time.process_time() - self._left_cpu_s

    def _leave(self) -> None:
        self._left_cpu_s = time.process_time()
