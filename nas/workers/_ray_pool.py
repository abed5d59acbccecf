"""A pool of Ray actors, on this machine or on a cluster.

The driver keeps all state: which worker does what, what waits, what was lost. Ray only starts
processes and carries messages; its own restarts and retries are off, since only the driver
knows what a lost task means. The driver holds no CPU of the cluster, and nothing but the
actors is ever scheduled: a Ray task beside actors that hold every CPU would wait for ever,
silently.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nas.errors import ClusterError
from nas.workers._cluster import connect, disconnect, free_resources
from nas.workers._pool import Pool, check_task_timeout
from nas.workers._quiet_ray import ray
from nas.workers._safe_evaluate import OUT_OF_MEMORY, failed
from nas.workers._spawn import actor_class, plan_when_nodes_are_up

if TYPE_CHECKING:
    from nas.trial import Task, TrialResult
    from nas.workers._actor import Started
    from nas.workers._plan import Plan
    from nas.workers._pool import Device, Factory

MAX_DEATHS = 2
"""A task that took this many workers with it is given up."""


@dataclass(slots=True, kw_only=True)
class _Job:
    """A task on its way through the pool."""

    task: Task
    deaths: int = 0
    alone: bool = False
    """Whether it ran out of a shared GPU's memory, and now wants the GPU to itself."""


@dataclass(slots=True, kw_only=True)
class _Slot:
    """A place for a worker, and the actor that fills it now."""

    index: int
    actor: Any = None
    phase: Literal["placing", "loading", "idle", "busy"] = "placing"
    since_s: float = 0.0
    """When the phase began, on the monotonic clock."""
    awaited: Any = None
    """Reference to the answer that ends the phase; None when idle."""
    job: _Job | None = None
    held: _Job | None = None
    """A job that waits until nothing else runs on this worker's GPU."""
    device: Device = "cpu"
    gpu: str = ""
    failed_starts: int = 0

    def enter(self, phase: Literal["placing", "loading", "idle", "busy"], awaited: Any) -> None:
        self.phase, self.awaited, self.since_s = phase, awaited, time.monotonic()


class RayPool(Pool):
    """Long-lived Ray workers; uses the cluster's GPUs if there are any.

    Args:
        factory: makes the evaluator, once in each worker process. Must pickle.
        num_workers: None takes as many as the cluster holds.
        address: a running cluster: `auto`, `HOST:PORT` or `ray://HOST:PORT`. None starts a Ray
            on this machine, or takes the one this process or RAY_ADDRESS already names.
        cpus_per_worker: CPUs each worker holds, rounded down to its number of threads.
        gpus_per_worker: GPUs each worker holds. None shares every GPU among up to four workers;
            0 trains on the CPU.
        task_timeout_s: seconds a task may take; None is no limit.
        start_timeout_s: seconds in which the cluster must find room for the workers.
        answer_timeout_s: seconds to wait for a sign of Ray at `address`.

    Raises:
        OptionError: a number that is not allowed.
        ClusterError: no Ray answers, or it does not hold the workers.
        Exception: whatever the factory raised.
    """

    def __init__(
        self,
        factory: Factory,
        *,
        num_workers: int | None = None,
        address: str | None = None,
        cpus_per_worker: float = 1,
        gpus_per_worker: float | None = None,
        task_timeout_s: float | None = None,
        start_timeout_s: float = 45.0,
        answer_timeout_s: float = 20.0,
    ) -> None:
        check_task_timeout(task_timeout_s)
        self._task_timeout_s = task_timeout_s
        self._start_timeout_s = start_timeout_s
        self._queue: deque[_Job] = deque()
        self._finished: deque[TrialResult] = deque()
        self._num_pending = 0
        self._slots: list[_Slot] = []
        self._starting = True
        self._closed = False
        self._connection = connect(address, answer_timeout_s=answer_timeout_s)
        self.dashboard_url = self._connection.dashboard_url
        try:
            self._plan = plan_when_nodes_are_up(
                start_timeout_s if address else 0.0,
                num_workers=num_workers,
                cpus_per_worker=cpus_per_worker,
                gpus_per_worker=gpus_per_worker,
            )
            self._actor_class = actor_class(self._plan)
            self._factory = ray.put(factory)
            self._start_all()
        except BaseException:
            self.close()
            raise
        self.num_workers = self._plan.num_workers
        self.description = _describe(self._plan, self._slots)

    def submit(self, task: Task) -> None:
        """Send the task to an idle worker, or queue it."""
        self._check_open()
        self._num_pending += 1
        self._queue.append(_Job(task=task))
        self._dispatch()

    def next_result(self, timeout_s: float | None = None) -> TrialResult | None:
        """The next task to finish, waiting at most `timeout_s` seconds."""
        self._check_open()
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while self._num_pending:
            if self._finished:
                self._num_pending -= 1
                return self._finished.popleft()
            left_s = None if deadline_s is None else deadline_s - time.monotonic()
            progress = self._poll(left_s)
            if not progress and left_s is not None and left_s <= 0:
                return None
        return None

    def close(self) -> None:
        """Kill the workers and leave Ray, if the pool joined it."""
        if self._closed:
            return
        self._closed = True
        for slot in self._slots:
            _kill(slot)
        disconnect(self._connection)

    # --- starting ------------------------------------------------------------------------

    def _start_all(self) -> None:
        self._slots = [_Slot(index=index) for index in range(self._plan.num_workers)]
        for slot in self._slots:
            self._start(slot)
        while any(slot.phase in ("placing", "loading") for slot in self._slots):
            self._poll(None)
        self._starting = False

    def _start(self, slot: _Slot) -> None:
        """Ask for a fresh worker; its answers come in later turns."""
        slot.actor = self._actor_class.remote(
            index=slot.index, num_threads=self._plan.num_threads, gpus=self._plan.gpus_each
        )
        slot.enter("placing", slot.actor.ping.remote())

    def _settle_start(self, slot: _Slot) -> None:
        try:
            answer: Started | None = ray.get(slot.awaited)
        except ray.exceptions.RayTaskError as error:
            raise ClusterError(_cannot_load(error)) from error
        except ray.exceptions.RayError as error:
            self._settle_failed_start(slot, error)
            return
        if slot.phase == "placing":
            slot.enter("loading", slot.actor.start.remote(self._factory))
            return
        assert answer is not None
        if answer.error is not None:
            raise answer.error
        slot.device, slot.gpu, slot.failed_starts = answer.device, answer.gpu, 0
        slot.enter("idle", None)

    def _settle_failed_start(self, slot: _Slot, error: Exception) -> None:
        slot.failed_starts += 1
        if slot.failed_starts >= MAX_DEATHS:
            raise ClusterError(
                f"Ray: worker {slot.index} died {slot.failed_starts} times in a row while it "
                f"started ({_reason(error)}). If a module is missing, install it on every node; "
                "otherwise look for memory, since each worker holds the data set: try fewer "
                "--workers"
            ) from error
        self._replace(slot)

    def _replace(self, slot: _Slot) -> None:
        _kill(slot)
        slot.job = None
        self._start(slot)

    def _check_room(self) -> None:
        """ClusterError if workers the pool cannot do without found no place in time."""
        if any(self._start_left_s(slot) <= 0 for slot in self._indispensable()):
            homeless = sum(slot.phase == "placing" for slot in self._slots)
            raise ClusterError(
                f"Ray: asked for {self._plan}, but {homeless} of them found no place in "
                f"{self._start_timeout_s:g} s; free now: {free_resources()}. Other programs "
                "hold the rest: wait for them, ask for fewer --workers, or add nodes"
            )

    def _indispensable(self) -> list[_Slot]:
        """Workers without a place: all of them at the start, later only if no other is left."""
        placing = [slot for slot in self._slots if slot.phase == "placing"]
        return placing if self._starting or len(placing) == len(self._slots) else []

    def _start_left_s(self, slot: _Slot) -> float:
        return slot.since_s + self._start_timeout_s - time.monotonic()

    # --- running -------------------------------------------------------------------------

    def _poll(self, limit_s: float | None) -> bool:
        """Wait for one event, at most `limit_s` seconds, and deal with it."""
        self._dispatch()
        awaited = {slot.awaited: slot for slot in self._oldest_first() if slot.awaited}
        ready, _ = ray.wait(list(awaited), timeout=self._patience_s(limit_s))
        for reference in ready:
            self._settle(awaited[reference])
        self._stop_overdue()
        self._check_room()
        return bool(ready)

    def _oldest_first(self) -> list[_Slot]:
        # ray.wait prefers the front of its list; a fixed order would starve the last worker.
        return sorted(self._slots, key=lambda slot: slot.since_s)

    def _patience_s(self, limit_s: float | None) -> float | None:
        """Seconds until something has to be done even if no worker answers."""
        limits = [] if limit_s is None else [limit_s]
        limits += [self._task_left_s(slot) for slot in self._slots if slot.phase == "busy"]
        limits += [self._start_left_s(slot) for slot in self._indispensable()]
        soonest = min(limits, default=float("inf"))
        return None if soonest == float("inf") else max(soonest, 0.0)

    def _task_left_s(self, slot: _Slot) -> float:
        if self._task_timeout_s is None:
            return float("inf")
        return slot.since_s + self._task_timeout_s - time.monotonic()

    def _dispatch(self) -> None:
        for slot in self._slots:
            if slot.phase != "idle":
                continue
            if slot.held is not None:
                if not self._is_gpu_busy(slot.gpu):
                    self._send(slot, slot.held)
                    slot.held = None
            elif self._queue and not self._is_gpu_reserved(slot.gpu):
                self._send(slot, self._queue.popleft())

    def _is_gpu_busy(self, gpu: str) -> bool:
        return any(slot.gpu == gpu and slot.phase == "busy" for slot in self._slots)

    def _is_gpu_reserved(self, gpu: str) -> bool:
        sharing = (slot for slot in self._slots if gpu and slot.gpu == gpu)
        return any(slot.held or (slot.job and slot.job.alone) for slot in sharing)

    def _send(self, slot: _Slot, job: _Job) -> None:
        slot.job = job
        slot.enter("busy", slot.actor.evaluate.remote(job.task, alone=job.alone))

    def _settle(self, slot: _Slot) -> None:
        if slot.phase == "busy":
            self._settle_job(slot)
        else:
            self._settle_start(slot)

    def _settle_job(self, slot: _Slot) -> None:
        job = slot.job
        assert job is not None
        try:
            result: TrialResult = ray.get(slot.awaited)
        except ray.exceptions.RayTaskError as error:
            # The evaluator is guarded, so the task or its result did not survive the journey.
            result = failed(job.task, "WorkerError", str(error), worker=_name(slot))
        except ray.exceptions.RayError as error:
            self._on_worker_death(slot, job, error)
            return
        slot.job = None
        slot.enter("idle", None)
        if self._deserves_gpu_alone(job, result):
            job.alone = True
            slot.held = job
        else:
            self._finished.append(result)

    def _deserves_gpu_alone(self, job: _Job, result: TrialResult) -> bool:
        shares_gpu = 0 < self._plan.gpus_each < 1
        out_of_memory = result.failure is not None and result.failure.kind == OUT_OF_MEMORY
        return shares_gpu and out_of_memory and not job.alone

    def _on_worker_death(self, slot: _Slot, job: _Job, error: Exception) -> None:
        """Replace a dead worker, and decide what becomes of its task."""
        job.deaths += 1
        self._replace(slot)
        if job.deaths >= MAX_DEATHS:
            message = f"{job.deaths} workers died of this task; the last: {_reason(error)}"
            self._finished.append(failed(job.task, "WorkerDied", message, worker=_name(slot)))
        elif job.alone:
            slot.held = job
        else:
            self._queue.appendleft(job)

    def _stop_overdue(self) -> None:
        for slot in self._slots:
            if slot.phase != "busy" or self._task_left_s(slot) > 0:
                continue
            if ray.wait([slot.awaited], timeout=0)[0]:
                continue  # finished in time; the driver was late to look
            job = slot.job
            assert job is not None
            self._replace(slot)
            message = (
                f"the task ran longer than {self._task_timeout_s:g} s; its worker was replaced"
            )
            self._finished.append(failed(job.task, "Timeout", message, worker=_name(slot)))

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this pool is closed; make a new one")


def _describe(plan: Plan, slots: list[_Slot]) -> str:
    on_cpu = plan.gpus_each > 0 and any(slot.device == "cpu" for slot in slots)
    return f"{plan} (torch sees no CUDA there: training on the CPU)" if on_cpu else str(plan)


def _kill(slot: _Slot) -> None:
    # A cluster that is gone, or an actor that is dead, needs no killing.
    with suppress(ray.exceptions.RayError, ConnectionError, ValueError):
        if slot.actor is not None:
            ray.kill(slot.actor)


def _name(slot: _Slot) -> str:
    return f"ray-{slot.index}"


def _reason(error: Exception) -> str:
    """The part of Ray's paragraphs that tells."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].partition(" Some common causes")[0] if lines else type(error).__name__


def _cannot_load(error: Exception) -> str:
    return (
        f"Ray: a worker cannot load its part of the program ({_reason(error)}). Every node needs "
        "the same versions of this package and of what it imports: install it there"
    )
