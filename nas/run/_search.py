"""The loop: propose, evaluate, record, until the budget is spent."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nas.report import Progress, Snapshot, front_rows
from nas.run._latency import measure_front, wants_latency
from nas.run._session import ProxyFactory
from nas.search import SearchStudy
from nas.trial import Task
from nas.workers import make_pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from nas.run._session import Session
    from nas.run._settings import WorkerConfig
    from nas.search import Proposal
    from nas.trial import Evaluation, TrialResult
    from nas.workers import Factory, Pool

POLL_S = 1.0
"""How often the display is refreshed while nothing finishes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a session of a search ended."""

    evaluated: int
    """Networks evaluated in all sessions together."""
    new: int
    """Of these, evaluated in this one."""
    elapsed_s: float
    exhausted: bool
    """No feasible network was found that was not evaluated."""
    interrupted: bool
    """The user stopped it; `nas resume` goes on."""


def run_search(
    session: Session,
    worker_config: WorkerConfig,
    console: Console,
    *,
    factory: Factory | None = None,
) -> Outcome:
    """Evaluate networks until the budget is spent, the space is exhausted, or Ctrl-C.

    `factory` replaces the training of proxies, for tests and benchmarks. Raises UserError.
    """
    started = time.monotonic()
    with session.folder.lock():
        study = _open_study(session)
        before = study.num_evaluated
        exhausted = interrupted = False
        if before < session.settings.budget:
            try:
                exhausted = _evaluate(session, study, worker_config, console, factory)
            except KeyboardInterrupt:
                interrupted = True
                session.folder.log("interrupted")
    if wants_latency(session.settings) and study.archive.front and not interrupted:
        # With the workers gone, so that no training runs beside it.
        measure_front(session)
    return Outcome(
        evaluated=study.num_evaluated,
        new=study.num_evaluated - before,
        elapsed_s=time.monotonic() - started,
        exhausted=exhausted,
        interrupted=interrupted,
    )


def _open_study(session: Session) -> SearchStudy:
    return SearchStudy(
        session.problem,
        session.address,
        sampler=session.settings.sampler,
        seed=session.settings.seed,
        start=session.start,
        num_rungs=len(session.settings.rungs),
        worst=session.worst,
    )


def _evaluate(
    session: Session,
    study: SearchStudy,
    worker_config: WorkerConfig,
    console: Console,
    factory: Factory | None,
) -> bool:
    """Go through what is left of the budget; True if the space had no network left."""
    settings, folder = session.settings, session.folder
    pool = make_pool(
        worker_config.workers,
        factory or ProxyFactory.of(settings),
        address=worker_config.address,
        cpus_per_worker=worker_config.cpus_per_worker,
        gpus_per_worker=worker_config.gpus_per_worker,
        task_timeout_s=settings.task_timeout_s,
    )
    with pool, _ended_like_ctrl_c(), Progress(console) as progress:
        folder.log(f"begins with {pool.description}, {study.num_evaluated} networks evaluated")
        loop = _Loop(session, study, pool, progress)
        loop.run()
        folder.log("ends")
    return loop.exhausted


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Within it SIGTERM, as `docker stop` and schedulers send it, does what Ctrl-C does.

    Ray's own handler, there once Ray has started, would abort the process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        # None stands for a handler that Python did not set and cannot put back.
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FrontMeasures:
    """What the display says of the front."""

    size: int
    """Of equally good networks, one is counted."""
    hypervolume: float
    best_accuracy: float | None


@dataclass(slots=True)
class _Loop:
    session: Session
    study: SearchStudy
    pool: Pool
    progress: Progress
    running: dict[int, Proposal] = field(default_factory=dict)
    exhausted: bool = False
    started: float = field(default_factory=time.monotonic)
    _front: _FrontMeasures = field(init=False)

    def run(self) -> None:
        """Propose, evaluate, record, until nothing is left to do."""
        self._measure_front()
        while True:
            self._fill()
            self.progress.update(self._snapshot())
            if not self.running:
                self.study.finish()
                return
            result = self.pool.next_result(timeout_s=POLL_S)
            if result is not None:
                self._take(result)

    def _fill(self) -> None:
        """Give every free worker a network."""
        settings = self.session.settings
        while len(self.running) < self.pool.num_workers:
            proposal = self._propose()
            if proposal is None:
                return
            self.running[proposal.number] = proposal
            self.pool.submit(
                Task(
                    number=proposal.number,
                    arch=proposal.candidate.arch,
                    fidelity=settings.rungs[proposal.rung],
                    seed=settings.seed,
                )
            )

    def _propose(self) -> Proposal | None:
        """A network that climbs the ladder, or a new one as long as budget and space allow."""
        study = self.study
        if self.exhausted or study.num_begun >= self.session.settings.budget:
            return study.propose_begun()
        proposal = study.propose()
        self.exhausted = proposal is None
        return proposal

    def _take(self, result: TrialResult) -> None:
        proposal = self.running.pop(result.number)
        candidate, folder = proposal.candidate, self.session.folder
        in_full = proposal.rung == len(self.session.settings.rungs) - 1
        if in_full and result.ok and result.weights is not None:
            # Before the record: a network on the front must never lack its weights.
            folder.write_bytes(f"weights/{candidate.arch.id}.safetensors", result.weights)
        if self.study.record(candidate, result):
            self._measure_front()
        if in_full and result.weights is not None:
            folder.keep_weights({member.arch_id for member in self.study.archive.front})
        folder.log(_line(proposal, result, self.study.evaluations.get(result.number)))

    def _measure_front(self) -> None:
        """Once for each change of the front, not for each look at it."""
        study, session = self.study, self.session
        front = [study.evaluations[member.number] for member in study.archive.front]
        rows = front_rows(front, session.problem.objectives, limits=session.problem.limits)
        values = {row.values(session.problem.objectives) for row in rows}
        self._front = _FrontMeasures(
            size=len(values),
            hypervolume=session.box.hypervolume(sorted(values)),
            best_accuracy=max((row.scores.accuracy for row in rows), default=None),
        )

    def _snapshot(self) -> Snapshot:
        study, front = self.study, self._front
        return Snapshot(
            budget=self.session.settings.budget,
            finished=study.count("complete"),
            pruned=len(study.archive.paused) + study.count("pruned"),
            running=len(self.running),
            duplicates=study.count("duplicate"),
            rejected=study.count("rejected"),
            failed=study.count("failed"),
            best_accuracy=front.best_accuracy,
            front_size=front.size,
            hypervolume=front.hypervolume,
            elapsed_s=time.monotonic() - self.started,
            workers=self.pool.num_workers,
            dashboard=self.pool.dashboard_url,
        )


def _line(proposal: Proposal, result: TrialResult, evaluation: Evaluation | None) -> str:
    head = f"trial {result.number} network {proposal.candidate.arch.id} on {result.worker}"
    if proposal.rung:
        head += f", rung {proposal.rung}"
    if evaluation is not None and evaluation.failure is not None:
        return f"{head}: failed, {evaluation.failure.kind}: {evaluation.failure.message}"
    assert result.scores is not None
    return f"{head}: accuracy {result.scores.accuracy:.4f} after {result.scores.train_s:.1f} s"
