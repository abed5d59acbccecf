"""What a pool of workers promises, and what a worker is told about itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from nas.errors import OptionError
from nas.trial import Task, TrialResult

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from nas.workers._measure import Measure

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """What a worker is told about itself before it loads anything."""

    index: int
    """0 .. num_workers - 1; a replacement has the index of the worker it replaces."""
    device: Device
    """Where to train. With `cuda`, the worker sees exactly the GPU it was given."""
    num_threads: int
    """CPU threads it may use; OMP_NUM_THREADS says the same in a process of its own."""
    num_on_machine: int = 1
    """Workers that may be on this machine, itself included: they share its memory."""


Evaluator = Callable[[Task], TrialResult]
"""Evaluates one task. Expected failures are results; what it raises becomes one."""

Factory = Callable[[WorkerInfo], Evaluator]
"""Loads data and libraries once, inside the worker, and gives the evaluator. Picklable."""


class Pool(ABC):
    """Workers that turn tasks into results.

    One result per task
        Every task submitted gives exactly one `TrialResult`, in the order of completion.
        An exception that leaves the evaluator is a failed result of the exception's kind
        (`OutOfMemory` for those that mean it). A task that runs longer than the pool's
        `task_timeout_s` is stopped and begun once more; the second time it gives a failed result
        of kind `Timeout`. Time in which the machine slept does not count. Where workers are
        processes, a task whose worker dies is given to a fresh worker once; if that dies
        too, the result is of kind `WorkerDied`. Workers that die together, or with their node,
        did not die of their tasks. Where workers share a GPU, a result of kind
        `OutOfMemory` is not delivered the first time: the task runs once more with the GPU to
        itself.

    Starting
        Constructing a pool makes its workers and waits for them. An error in the factory is
        raised there, as the factory raised it, if none can start; no task can fail because of
        it. A worker that cannot start while others can, then or again later, is missed, and
        tried again after a while.

    Threads
        A pool belongs to the thread that made it.

    Interruption
        `next_result` may raise KeyboardInterrupt at any time; after that only `close` is
        promised to work.
    """

    num_workers: int
    """Tasks to have under way at a time, at least 1; may change as workers come and go."""
    description: str
    """The workers in a few words, for people: `2 Ray workers, 1 CPU each`."""
    dashboard_url: str | None = None
    """Address of a web page that shows the workers, where there is one, and how to log in."""

    @property
    def num_ready(self) -> int:
        """Workers that can train now; 0 where all are gone and none is back yet."""
        return self.num_workers

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Hand a task over; never blocks, and any number may wait.

        Raises:
            RuntimeError: the pool is closed.
        """

    @abstractmethod
    def next_result(self, timeout_s: float | None = None) -> TrialResult | None:
        """The next task to finish, waiting at most `timeout_s` seconds (None: for ever).

        Returns:
            A result, or None when the time is over or when no task is left to wait for.

        Raises:
            OutageError: no worker is left and none can be started.
            RuntimeError: the pool is closed.
        """

    def take_notes(self) -> list[str]:
        """What became of workers since this was last asked: sentences for a log."""
        return []

    def export(self, measures: Sequence[Measure], *, run: str) -> None:  # noqa: B027 - not in all
        """Hand figures of the search `run` to a monitoring system, where the workers have one."""

    @abstractmethod
    def close(self) -> None:
        """Stop the workers at once, with whatever they are doing; a second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def check_task_timeout(task_timeout_s: float | None) -> None:
    """OptionError unless a task's time limit is None or positive."""
    if task_timeout_s is not None and not task_timeout_s > 0:
        raise OptionError(
            f"task_timeout_s: {task_timeout_s} is no time to train in; "
            "give seconds greater than 0, or None for no limit"
        )
