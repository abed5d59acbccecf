"""A pool of Ray actors, on this machine or on a cluster.

The driver keeps all state: which worker does what, what waits, what was lost. Ray only starts
processes and carries messages; its own restarts and retries are off, since only the driver
knows what a lost task means. Nothing but the actors is ever scheduled: a Ray task beside
actors that hold every CPU would wait for ever, silently.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from nas.errors import ClusterError, OutageError
from nas.trial import OUT_OF_MEMORY
from nas.workers._clock import AwakeClock
from nas.workers._cluster import connect, disconnect, free_resources
from nas.workers._pool import Pool, check_task_timeout
from nas.workers._queue import JobQueue
from nas.workers._quiet_ray import ray
from nas.workers._ray_errors import (
    cannot_load,
    died_at_start,
    died_with_its_node,
    last_line,
    said_if_ray_is_gone,
)
from nas.workers._ray_metrics import RayMetrics
from nas.workers._safe_evaluate import failed
from nas.workers._slot import MAX_LOSSES, Job, Slot
from nas.workers._spawn import actor_class, first_answer, kill, plan_when_nodes_are_up, room_for
from nas.workers._watch import HEAD_GRACE_S, RayWatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.trial import Task, TrialResult
    from nas.workers._actor import Started
    from nas.workers._measure import Measure
    from nas.workers._pool import Factory
    from nas.workers._slot import Phase

MAX_STARTS = 2
"""Deaths in a row at the start of a pool after which it is given up."""
MAX_RESTARTS = 12
"""Failed starts in a row after which a place is left empty for good: 8 minutes."""
COMPANY_S = 2.0
"""Workers that die within this time of each other did not die of their tasks."""
TICK_S = 1.0
"""How often the pool looks up: its clock, its nodes and Ray itself."""
GROW_S = 10.0
"""How often it is asked whether nodes have joined."""


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
        node_class: a Ray resource that the workers' nodes must have; None takes any node.
        task_timeout_s: seconds a task may take; None is no limit.
        start_timeout_s: seconds in which the cluster must find room for the workers; one that is
            joined may lack nodes until then.
        restart_timeout_s: seconds without a single worker after which the pool gives up.
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
        node_class: str | None = None,
        task_timeout_s: float | None = None,
        start_timeout_s: float = 120.0,
        restart_timeout_s: float = 300.0,
        answer_timeout_s: float = 45.0,
    ) -> None:
        check_task_timeout(task_timeout_s)
        self._task_timeout_s = task_timeout_s
        self._start_timeout_s = start_timeout_s
        self._restart_timeout_s = restart_timeout_s
        self._clock = AwakeClock()
        self._queue = JobQueue()
        self._finished: deque[TrialResult] = deque()
        self._end: BaseException | None = None
        self._notes: list[str] = []
        self._num_pending = 0
        self._slots: list[Slot] = []
        self._starting, self._closed = True, False
        self._well_s = self._grown_s = 0.0
        self._last_death: tuple[float, Job] | None = None
        self._last_problem = "nothing is known of it"
        self._connection = connect(address, answer_timeout_s=answer_timeout_s)
        self._metrics = RayMetrics()
        self.dashboard_url = self._connection.dashboard_url
        try:
            self._watch = RayWatch(
                is_client=self._connection.is_client,
                head_grace_s=0.0 if self._connection.is_ours else HEAD_GRACE_S,
            )
            self._plan = plan_when_nodes_are_up(
                start_timeout_s if self._connection.is_joined else 0.0,
                num_workers=num_workers,
                cpus_per_worker=cpus_per_worker,
                gpus_per_worker=gpus_per_worker,
                node_class=node_class,
            )
            self._grows = num_workers is None
            self._actor_class = actor_class(self._plan)
            self._factory = ray.put(factory)
            self._start_all()
        except BaseException:
            self.close()
            raise
        self.num_workers = self._plan.num_workers
        self.description = self._plan.described({slot.device for slot in self._slots})

    @property
    def num_ready(self) -> int:
        """Workers that have loaded what they need."""
        return sum(slot.is_well for slot in self._slots)

    def submit(self, task: Task) -> None:
        """Send the task to an idle worker, or queue it."""
        self._check_open()
        self._num_pending += 1
        self._queue.append(Job(task=task))
        if self._end is None:
            with said_if_ray_is_gone():
                self._dispatch()

    def next_result(self, timeout_s: float | None = None) -> TrialResult | None:
        """The next task to finish, waiting at most `timeout_s` seconds.

        Whatever ends the pool is raised once every result that has come is handed out.
        """
        self._check_open()
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while self._num_pending:
            if self._finished:
                self._num_pending -= 1
                return self._finished.popleft()
            if self._end is not None:
                raise self._end
            left_s = None if deadline_s is None else deadline_s - time.monotonic()
            progress = self._poll_to_the_end(left_s)
            if not progress and left_s is not None and left_s <= 0:
                return None
        return None

    def take_notes(self) -> list[str]:
        """What became of workers since this was last asked."""
        notes, self._notes = self._notes, []
        return notes

    def export(self, measures: Sequence[Measure], *, run: str) -> None:
        """Set the figures as Ray metrics."""
        self._metrics.export(measures, run=run)

    def close(self) -> None:
        """Kill the workers and leave Ray, if the pool joined it."""
        if self._closed:
            return
        self._closed = True
        for slot in self._slots:
            kill(slot.actor)
        disconnect(self._connection)

    # --- starting ------------------------------------------------------------------------

    def _start_all(self) -> None:
        self._slots = [Slot(index=index) for index in range(self._plan.num_workers)]
        for slot in self._slots:
            self._start(slot)
        while not all(slot.is_well for slot in self._slots):
            self._poll(None)
        self._starting = False

    def _start(self, slot: Slot) -> None:
        """Ask for a fresh worker; its answers come in later turns."""
        slot.actor = self._actor_class.remote(
            index=slot.index, num_threads=self._plan.num_threads, gpus=self._plan.gpus_each
        )
        self._enter(slot, "placing", slot.actor.ping.remote())

    def _settle_start(self, slot: Slot) -> None:
        try:
            answer: Started | None = ray.get(slot.awaited)
        except ray.exceptions.RayTaskError as error:
            self._on_failed_start(slot, cannot_load(error), at_once=True)
            return
        except ray.exceptions.RayError as error:
            self._on_failed_start(slot, died_at_start(slot, error), at_once=False)
            return
        if slot.phase == "placing":
            self._enter(slot, "loading", slot.actor.start.remote(self._factory))
            return
        assert answer is not None
        if answer.error is not None:
            self._on_failed_start(slot, answer.error, at_once=True)
            return
        if slot.failed_starts:
            self._notes.append(f"worker {slot.name} is back")
        slot.device, slot.gpu, slot.failed_starts = answer.device, answer.gpu, 0
        self._enter(slot, "idle", None)

    def _on_failed_start(self, slot: Slot, error: Exception, *, at_once: bool) -> None:
        """Raise `error` while the pool starts; later, let the others work and try again."""
        slot.failed_starts += 1
        if self._starting and (at_once or slot.failed_starts >= MAX_STARTS):
            raise error
        self._last_problem = str(error)
        kill(slot.actor)
        slot.job = None
        if slot.failed_starts >= MAX_RESTARTS:
            self._enter(slot, "retired", None)
            self._notes.append(f"worker {slot.name} is given up: {error}")
            return
        self._enter(slot, "resting", None)
        self._notes.append(
            f"worker {slot.name} could not start, next try in {slot.rest_s:g} s: {error}"
        )

    def _replace(self, slot: Slot) -> None:
        kill(slot.actor)
        slot.job = None
        self._start(slot)

    def _wake_rested(self) -> None:
        for slot in self._slots:
            if slot.phase == "resting" and self._clock() - slot.since_s >= slot.rest_s:
                self._start(slot)

    def _grow(self) -> None:
        """Add workers for nodes that have joined since."""
        if not self._grows or self._starting or self._clock() - self._grown_s < GROW_S:
            return
        self._grown_s = self._clock()
        for index in range(len(self._slots), room_for(self._plan)):
            slot = Slot(index=index)
            self._slots.append(slot)
            self._start(slot)
            self._notes.append(f"a node has joined: worker {slot.name} is added")

    def _check_room(self) -> None:
        """ClusterError if a worker finds no place at the start, OutageError if none is left."""
        now_s = self._clock()
        if self._starting:
            homeless = [slot for slot in self._slots if slot.phase == "placing"]
            if any(now_s - slot.since_s >= self._start_timeout_s for slot in homeless):
                raise ClusterError(
                    f"Ray: asked for {self._plan}, but {len(homeless)} of them found no place in "
                    f"{self._start_timeout_s:g} s; free now: {free_resources()}. Other programs "
                    "hold the rest: wait for them, ask for fewer `workers`, or add nodes"
                )
            return
        if self.num_ready:
            self._well_s = now_s
        elif now_s - self._well_s > self._restart_timeout_s:
            raise OutageError(
                f"Ray: for {self._restart_timeout_s:g} s there has been no worker, and none could "
                f"be started. The last problem: {self._last_problem}"
            )

    # --- running -------------------------------------------------------------------------

    def _poll_to_the_end(self, limit_s: float | None) -> bool:
        """The same as `_poll`; what it raises is kept as the end of the pool."""
        try:
            with said_if_ray_is_gone():
                return self._poll(limit_s)
        except BaseException as error:
            self._end = error
            return True

    def _poll(self, limit_s: float | None) -> bool:
        """Wait for one event, at most `limit_s` seconds and a tick, and deal with it."""
        self._dispatch()
        awaited = {slot.awaited: slot for slot in self._oldest_first() if slot.awaited}
        wait_s = TICK_S if limit_s is None else min(max(limit_s, 0.0), TICK_S)
        ready = first_answer(list(awaited), wait_s)
        for reference in ready:
            self._settle(awaited[reference])
        self._stop_overdue()
        self._watch.check()
        self._wake_rested()
        self._grow()
        self._check_room()
        self.num_workers = max(1, self.num_ready)
        return bool(ready)

    def _enter(self, slot: Slot, phase: Phase, awaited: Any) -> None:
        slot.enter(phase, awaited, self._clock())

    def _oldest_first(self) -> list[Slot]:
        # ray.wait prefers the front of its list; a fixed order would starve the last worker.
        return sorted(self._slots, key=lambda slot: slot.since_s)

    def _dispatch(self) -> None:
        for slot in self._slots:
            if slot.phase == "idle" and (job := self._queue.take(slot.gpu, self._slots)):
                self._send(slot, job)

    def _send(self, slot: Slot, job: Job) -> None:
        slot.job = job
        # Ray's dashboard and `ps` show it by this name.
        evaluate = slot.actor.evaluate.options(name=job.name)
        self._enter(slot, "busy", evaluate.remote(job.task, alone=job.alone))

    def _settle(self, slot: Slot) -> None:
        if slot.phase == "busy":
            self._settle_job(slot)
        else:
            self._settle_start(slot)

    def _settle_job(self, slot: Slot) -> None:
        job = slot.job
        assert job is not None
        try:
            result: TrialResult = ray.get(slot.awaited)
        except ray.exceptions.RayTaskError as error:
            # The evaluator is guarded, so the task or its result did not survive the journey.
            result = failed(job.task, "WorkerError", str(error), worker=slot.name)
        except ray.exceptions.RayError as error:
            self._on_worker_death(slot, job, error)
            return
        slot.job = None
        self._enter(slot, "idle", None)
        if self._deserves_gpu_alone(job, result):
            job.alone = True
            self._queue.append(job)
        else:
            self._finished.append(result)

    def _deserves_gpu_alone(self, job: Job, result: TrialResult) -> bool:
        shares_gpu = 0 < self._plan.gpus_each < 1
        out_of_memory = result.failure is not None and result.failure.kind == OUT_OF_MEMORY
        return shares_gpu and out_of_memory and not job.alone

    def _on_worker_death(self, slot: Slot, job: Job, error: Exception) -> None:
        """Replace a dead worker, and say what its task has to do with it."""
        now_s, last = self._clock(), self._last_death
        self._last_death = (now_s, job)
        self._last_problem = f"worker {slot.name} died: {last_line(error)}"
        self._notes.append(self._last_problem)
        if died_with_its_node(error):
            job.mishaps += 1
        elif last is not None and now_s - last[0] < COMPANY_S and last[1] is not job:
            job.mishaps += 1
            last[1].acquit()
        else:
            job.losses += 1
        died = f"{MAX_LOSSES} workers died of this task; the last: {last_line(error)}"
        self._lose(slot, job, "WorkerDied", died)

    def _lose(self, slot: Slot, job: Job, kind: str, message: str) -> None:
        """Replace the worker; give its task up, or to another worker."""
        self._replace(slot)
        if job.is_lost:
            self._finished.append(failed(job.task, kind, message, worker=slot.name))
        else:
            self._queue.put_back(job)

    def _stop_overdue(self) -> None:
        limit_s = self._task_timeout_s
        if limit_s is None:
            return
        for slot in self._slots:
            if slot.phase != "busy" or self._clock() - slot.since_s < limit_s:
                continue
            if ray.wait([slot.awaited], timeout=0)[0]:
                continue  # finished in time; the driver was late to look
            job = slot.job
            assert job is not None
            job.losses += 1
            message = f"the task ran longer than {limit_s:g} s on {MAX_LOSSES} workers"
            self._notes.append(f"worker {slot.name} is replaced after {limit_s:g} s")
            self._lose(slot, job, "Timeout", message)

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this pool is closed; make a new one")
