"""The jobs that wait for a worker, and which of them may begin on which GPU."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.workers._slot import Job, Slot


class JobQueue:
    """Two lines: jobs that share a GPU or need none, and jobs that want a GPU to themselves.

    No job is tied to a worker, which may die. For jobs of the second line the GPUs that are
    nearest to being free are kept: one for each such job, and nothing else begins there.
    """

    def __init__(self) -> None:
        """Nobody waits."""
        self._sharing: deque[Job] = deque()
        self._alone: deque[Job] = deque()

    def append(self, job: Job) -> None:
        """To the end of its line."""
        self._line_of(job).append(job)

    def put_back(self, job: Job) -> None:
        """To the front of its line: it had begun already."""
        self._line_of(job).appendleft(job)

    def take(self, gpu: str, slots: Sequence[Slot]) -> Job | None:
        """The job that an idle worker on this GPU begins now, out of its line; None: let it idle.

        Args:
            gpu: The worker's GPU; empty where it has none.
            slots: Those of all workers, this one's included.
        """
        if not (self._sharing or self._alone):
            return None
        running = [slot.job for slot in slots if slot.gpu == gpu and slot.phase == "busy"]
        if self._alone and not running:
            return self._alone.popleft()
        is_taken = any(job is not None and job.alone for job in running)
        if is_taken or not self._sharing or gpu in self._kept(slots):
            return None
        return self._sharing.popleft()

    def _line_of(self, job: Job) -> deque[Job]:
        return self._alone if job.alone else self._sharing

    def _kept(self, slots: Sequence[Slot]) -> set[str]:
        """GPUs that are running empty for a job that wants one alone."""
        if not self._alone:
            return set()
        busy = Counter({slot.gpu: 0 for slot in slots if slot.is_well})
        busy.update(slot.gpu for slot in slots if slot.phase == "busy")
        nearest = sorted(busy, key=lambda gpu: (busy[gpu], gpu))
        return set(nearest[: len(self._alone)])
