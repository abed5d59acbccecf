"""A search in a run folder: the engine's loop, the weights, the log and the display."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.report import Progress, Snapshot, front_rows
from nas.run._data import check_data, read_data
from nas.run._latency import measure_front, wants_latency
from nas.run._session import ProxyFactory
from nas.search import LoopEvents, OptunaStore, SearchEngine, SearchLoop
from nas.workers import make_pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from nas.run._session import Session
    from nas.run._settings import WorkerConfig
    from nas.search import Proposal
    from nas.trial import Evaluation, TrialResult
    from nas.workers import Factory, Pool


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
        engine = _open_engine(session)
        ledger = engine.ledger
        before = ledger.num_finished
        exhausted = interrupted = False
        if before < session.settings.budget:
            if factory is None:
                _check_data(session)
            try:
                exhausted = _evaluate(session, engine, worker_config, console, factory)
            except KeyboardInterrupt:
                interrupted = True
                session.folder.log("interrupted")
    if wants_latency(session.settings) and ledger.results.front and not interrupted:
        # With the workers gone, so that no training runs beside it.
        measure_front(session)
    return Outcome(
        evaluated=ledger.num_finished,
        new=ledger.num_finished - before,
        elapsed_s=time.monotonic() - started,
        exhausted=exhausted,
        interrupted=interrupted,
    )


def _check_data(session: Session) -> None:
    """Before anything slow: that the data are what the search began with. Raises UserError."""
    if session.data is None:  # else it has just begun
        check_data(session.settings.data, session.began_with, read_data(session.settings))


def _open_engine(session: Session) -> SearchEngine:
    return SearchEngine(
        session.problem,
        OptunaStore(session.problem, session.address),
        sampler=session.settings.sampler,
        seed=session.settings.seed,
        start=session.start,
        num_rungs=len(session.settings.rungs),
        reference=session.worst,
    )


def _evaluate(
    session: Session,
    engine: SearchEngine,
    worker_config: WorkerConfig,
    console: Console,
    factory: Factory | None,
) -> bool:
    """Go through what is left of the budget; True if the space had no network left."""
    settings, folder = session.settings, session.folder
    pool = make_pool(
        worker_config.workers,
        factory or ProxyFactory.of(session),
        address=worker_config.address,
        cpus_per_worker=worker_config.cpus_per_worker,
        gpus_per_worker=worker_config.gpus_per_worker,
        task_timeout_s=settings.task_timeout_s,
    )
    with pool, _ended_like_ctrl_c(), Progress(console) as progress:
        folder.log(
            f"begins with {pool.description}, {engine.ledger.num_finished} networks evaluated"
        )
        loop = SearchLoop(
            engine,
            pool,
            budget=settings.budget,
            rungs=settings.rungs,
            seed=settings.seed,
            events=_Search(session, engine, pool, progress),
        )
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


class _Search(LoopEvents):
    """What happens in the run folder and on the display beside a search."""

    def __init__(
        self, session: Session, engine: SearchEngine, pool: Pool, progress: Progress
    ) -> None:
        self._session = session
        self._engine = engine
        self._pool = pool
        self._progress = progress
        self._started = time.monotonic()
        self._measure_front()

    def on_wait(self, loop: SearchLoop) -> None:
        self._progress.update(self._snapshot(num_running=len(loop.running)))

    def before_record(self, proposal: Proposal, result: TrialResult) -> None:
        if self._in_full(proposal) and result.ok and result.weights is not None:
            # Before the record: a network on the front must never lack its weights.
            name = f"weights/{proposal.candidate.arch.id}.safetensors"
            self._session.folder.write_bytes(name, result.weights)

    def after_record(self, proposal: Proposal, result: TrialResult, *, on_front: bool) -> None:
        folder, ledger = self._session.folder, self._engine.ledger
        if on_front:
            self._measure_front()
        if self._in_full(proposal) and result.weights is not None:
            folder.keep_weights({member.arch_id for member in ledger.results.front})
        folder.log(_line(proposal, result, ledger.evaluations.get(result.number)))

    def _in_full(self, proposal: Proposal) -> bool:
        return proposal.rung == self._engine.ledger.top

    def _measure_front(self) -> None:
        """Once for each change of the front, not for each look at it."""
        ledger, session = self._engine.ledger, self._session
        front = [ledger.evaluations[member.number] for member in ledger.results.front]
        rows = front_rows(front, session.problem.objectives, limits=session.problem.limits)
        values = {row.values(session.problem.objectives) for row in rows}
        self._front = _FrontMeasures(
            size=len(values),
            hypervolume=session.box.hypervolume(sorted(values)),
            best_accuracy=max((row.scores.accuracy for row in rows), default=None),
        )

    def _snapshot(self, num_running: int) -> Snapshot:
        ledger, front = self._engine.ledger, self._front
        return Snapshot(
            budget=self._session.settings.budget,
            finished=ledger.count("complete"),
            pruned=len(ledger.paused) + ledger.count("pruned"),
            running=num_running,
            duplicates=ledger.count("duplicate"),
            rejected=ledger.count("rejected"),
            failed=ledger.count("failed"),
            best_accuracy=front.best_accuracy,
            front_size=front.size,
            hypervolume=front.hypervolume,
            elapsed_s=time.monotonic() - self._started,
            workers=self._pool.num_workers,
            dashboard=self._pool.dashboard_url,
        )


def _line(proposal: Proposal, result: TrialResult, evaluation: Evaluation | None) -> str:
    head = f"trial {result.number} network {proposal.candidate.arch.id} on {result.worker}"
    if proposal.rung:
        head += f", rung {proposal.rung}"
    if evaluation is not None and evaluation.failure is not None:
        return f"{head}: failed, {evaluation.failure.kind}: {evaluation.failure.message}"
    assert result.scores is not None
    return f"{head}: accuracy {result.scores.accuracy:.4f} after {result.scores.train_s:.1f} s"
