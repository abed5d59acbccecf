"""A pool of Ray actors, on this machine or on a cluster.

The driver keeps all state: which worker does what, what waits, what was lost. Ray only starts
processes and carries messages; its own restarts and retries are off, since only the driver
knows what a lost task means. Nothing but the actors is ever scheduled: a Ray task beside
actors that hold every CPU would wait for ever, silently.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING

from nas.clock import AwakeClock
from nas.trial import OUT_OF_MEMORY
from nas.workers._cluster import connect, disconnect
from nas.workers._crew import Crew, Patience
from nas.workers._pool import Pool, check_task_timeout
from nas.workers._queue import JobQueue
from nas.workers._quiet_ray import ray
from nas.workers._ray_errors import died_with_its_node, last_line, said_if_ray_is_gone
from nas.workers._ray_metrics import RayMetrics
from nas.workers._safe_evaluate import failed
from nas.workers._slot import MAX_LOSSES, Job
from nas.workers._spawn import first_answer, plan_when_nodes_are_up
from nas.workers._watch import HEAD_GRACE_S, watch_ray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.trial import Task, TrialResult
    from nas.workers._measure import Measure
    from nas.workers._pool import Factory
    from nas.workers._slot import Slot

COMPANY_S = 2.0
"""Workers that die within this time of each other did not die of their tasks."""
TICK_S = 1.0
"""How often the pool looks up: its clock, its nodes and Ray itself."""


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
        load_timeout_s: seconds in which a worker must have loaded what the factory loads.
        restart_timeout_s: seconds without a single worker after which the pool gives up.
        answer_timeout_s: seconds to wait for a sign of Ray at `address`.

    Raises:
        OptionError: a number that is not allowed.
        ClusterError: no Ray answers, or it does not hold the workers.
        Exception: whatever the factory raised, where no worker could start.
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
        load_timeout_s: float = 1800.0,
        restart_timeout_s: float = 300.0,
        answer_timeout_s: float = 45.0,
    ) -> None:
        check_task_timeout(task_timeout_s)
        self._task_timeout_s = task_timeout_s
        self._clock = AwakeClock()
        self._queue = JobQueue()
        self._finished: deque[TrialResult] = deque()
        self._end: BaseException | None = None
        self._num_pending = 0
        self._closed = False
        self._last_death: tuple[float, Job] | None = None
        self._metrics = RayMetrics()
        with ExitStack() as undo:
            connection = connect(address, answer_timeout_s=answer_timeout_s)
            undo.callback(disconnect, connection)
            self.dashboard_url = connection.dashboard_url
            self._watch = watch_ray(
                is_client=connection.is_client,
                head_grace_s=0.0 if connection.is_ours else HEAD_GRACE_S,
            )
            self._plan = plan_when_nodes_are_up(
                start_timeout_s if connection.is_joined else 0.0,
                num_workers=num_workers,
                cpus_per_worker=cpus_per_worker,
                gpus_per_worker=gpus_per_worker,
                node_class=node_class,
            )
            self._crew = Crew(
                self._plan,
                factory,
                asked=num_workers,
                patience=Patience(
                    start_s=start_timeout_s, load_s=load_timeout_s, restart_s=restart_timeout_s
                ),
                clock=self._clock,
            )
            undo.callback(self._crew.close)
            self._crew.start(lambda: self._poll_connected(None))
            self._undo = undo.pop_all()
        self.description = self._plan.described(self._crew.devices)

    @property
    def num_ready(self) -> int:
        """Workers that have loaded what they need."""
        return self._crew.num_ready

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
        notes, self._crew.notes = self._crew.notes, []
        return notes

    def export(self, measures: Sequence[Measure], *, run: str) -> None:
        """Set the figures as Ray metrics."""
        self._metrics.export(measures, run=run)

    def close(self) -> None:
        """Kill the workers and leave Ray, if the pool joined it."""
        if self._closed:
            return
        self._closed = True
        self._undo.close()

    # --- running -------------------------------------------------------------------------

    def _poll_to_the_end(self, limit_s: float | None) -> bool:
        """The same as `_poll`; what it raises is kept as the end of the pool."""
        try:
            return self._poll_connected(limit_s)
        except BaseException as error:
            self._end = error
            return True

    def _poll_connected(self, limit_s: float | None) -> bool:
        """The same as `_poll`; a connection that is lost is an outage."""
        with said_if_ray_is_gone():
            return self._poll(limit_s)

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
        self._crew.look_after()
        self.num_workers = max(1, self.num_ready)
        return bool(ready)

    def _oldest_first(self) -> list[Slot]:
        # ray.wait prefers the front of its list; a fixed order would starve the last worker.
        return sorted(self._crew.slots, key=lambda slot: slot.since_s)

    def _dispatch(self) -> None:
        for slot in self._crew.slots:
            if slot.phase == "idle" and (job := self._queue.take(slot.gpu, self._crew.slots)):
                self._send(slot, job)

    def _send(self, slot: Slot, job: Job) -> None:
        slot.job = job
        # Ray's dashboard and `ps` show it by this name.
        evaluate = slot.actor.evaluate.options(name=job.name)
        self._crew.enter(slot, "busy", evaluate.remote(job.task, alone=job.alone))

    def _settle(self, slot: Slot) -> None:
        if slot.phase == "busy":
            self._settle_job(slot)
        else:
            self._crew.settle(slot)

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
        self._crew.enter(slot, "idle", None)
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
        self._crew.last_problem = f"worker {slot.name}{slot.where} died: {last_line(error)}"
        self._crew.notes.append(self._crew.last_problem)
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
        self._crew.replace(slot)
        if job.is_lost:
            self._finished.append(failed(job.task, kind, message, worker=slot.name))
        else:
            self._queue.put_back(job)

    def _stop_overdue(self) -> None:
        limit_s = self._task_timeout_s
        if limit_s is None:
            return
        for slot in self._crew.slots:
            if slot.phase != "busy" or self._clock() - slot.since_s < limit_s:
                continue
            if ray.wait([slot.awaited], timeout=0)[0]:
                continue  # finished in time; the driver was late to look
            job = slot.job
            assert job is not None
            job.losses += 1
            message = f"the task ran longer than {limit_s:g} s on {MAX_LOSSES} workers"
            self._crew.notes.append(f"worker {slot.name} is replaced after {limit_s:g} s")
            self._lose(slot, job, "Timeout", message)

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this pool is closed; make a new one")
