"""A search in a run folder: the engine's loop, the weights, the log and the display."""

from __future__ import annotations

import shlex
import signal
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.errors import OptionError, OutageError
from nas.metrics import score_of
from nas.report import Snapshot, front_rows
from nas.run._data import ProxyFactory
from nas.run._deaths import NotingPool
from nas.run._latency import measure_front, wants_latency
from nas.run._monitor import Monitor
from nas.run._place import check_place, keep_place
from nas.search import LoopEvents, SearchEngine, SearchLoop, open_store
from nas.workers import handlers_kept, make_pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nas.metrics import Metric
    from nas.report import FrontRow
    from nas.run._run import Run
    from nas.run._settings import WorkerConfig
    from nas.search import Proposal
    from nas.trial import Evaluation, TrialResult
    from nas.workers import Factory, Pool


OnProgress = Callable[[Snapshot], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOutcome:
    """How a session of a search ended."""

    evaluated: int
    """Networks evaluated in all sessions together, on whatever rung of the ladder."""
    new: int
    """Of these, evaluated in this one."""
    waiting: int
    """Of these, below full training: they may yet climb the ladder."""
    elapsed_s: float
    exhausted: bool
    """No feasible network was found that was not evaluated."""
    interrupted: bool
    """The user stopped it; `nas resume` goes on."""
    out_of_time: bool
    """The session's minutes were over first; `nas resume` goes on."""


def run_search(
    run: Run,
    worker_config: WorkerConfig,
    *,
    on_progress: OnProgress | None = None,
    factory: Factory | None = None,
    join: bool = False,
) -> SearchOutcome:
    """Evaluate networks until the budget or the time is spent, the space exhausted, or Ctrl-C.

    Args:
        run: What to go on with.
        worker_config: Where its networks are trained, and for how long.
        on_progress: Called with a `Snapshot` whenever something changes, and every second.
        factory: Replaces the training of proxies, for tests and benchmarks.
        join: Whether another process may be at work in this folder already; both then share the
            budget.

    Raises:
        OptionError: `join`, where the search is deterministic.
        UserError: the data have changed, or the study or the workers cannot be reached.
        OutageError: Ray or the database went away and did not come back.
    """
    started = time.monotonic()
    _check_alone(run, join=join)
    with run.folder.lock_for_drivers(join=join):
        with _way_on_after_outages(run):
            engine = _open_engine(run, alone=not join)
        events = _Search(run, engine, on_progress or _ignore, worker_config.minutes)
        interrupted, loop = False, None
        if engine.ledger.num_finished < run.settings.budget:
            if factory is None:
                _check_data(run, join=join)
            try:
                with _way_on_after_outages(run):
                    loop = _evaluate(run, engine, events, worker_config, factory)
            except KeyboardInterrupt:
                interrupted = True
                run.folder.log("interrupted")
    ledger = engine.ledger
    if wants_latency(run.settings) and ledger.results.front and not (interrupted or join):
        # With the workers gone, so that no training runs beside it.
        measure_front(run)
    return SearchOutcome(
        evaluated=ledger.num_evaluated,
        new=len(events.evaluated),
        waiting=ledger.num_waiting,
        elapsed_s=time.monotonic() - started,
        exhausted=loop is not None and loop.exhausted,
        interrupted=interrupted,
        out_of_time=loop is not None and loop.out_of_time,
    )


def _check_alone(run: Run, *, join: bool) -> None:
    """Raise OptionError where drivers would share what must come in one order."""
    if join and run.settings.deterministic:
        raise OptionError(
            f"`join`: {run.path} is a search with `deterministic`, whose results come in the "
            "order of its proposals, and several drivers have no common order; leave `join` out "
            "and give one driver more `workers`, or start a search without `deterministic`"
        )


@contextmanager
def _way_on_after_outages(run: Run) -> Iterator[None]:
    """Whatever is not reached any more, the error says how to go on."""
    try:
        yield
    except OutageError as error:
        run.folder.log(f"stops: {error}")
        raise OutageError(
            f"{error}. Nothing finished is lost; once that is mended, go on with: nas "
            f"resume {shlex.quote(str(run.folder.path))}"
        ) from error


def _check_data(run: Run, *, join: bool) -> None:
    """Before anything slow: that the data are what the search began with. Raises UserError.

    Where they were moved, the folder knows from then on; but a driver that joins may be on a
    machine that has them elsewhere.
    """
    if run.data is not None:  # it has just begun
        return
    check_place(run)
    if not join:
        keep_place(run)


def _open_engine(run: Run, *, alone: bool) -> SearchEngine:
    """The engine of this run; `alone`: no other process is at work in its folder."""
    store = open_store(run.problem, run.address, note=run.folder.log, alone=alone)
    return SearchEngine(
        run.problem,
        store,
        sampler=run.settings.sampler,
        seed=run.settings.seed,
        start=run.facts.start,
        num_rungs=len(run.settings.rungs),
        reference=run.worst,
        resumable=run.settings.deterministic,
        shared=store,
        seat=run.folder.seat if alone else "",
    )


def _evaluate(
    run: Run,
    engine: SearchEngine,
    events: _Search,
    worker_config: WorkerConfig,
    factory: Factory | None,
) -> SearchLoop:
    """Go through what is left of the budget, as far as the time goes."""
    settings, folder = run.settings, run.folder
    factory = factory or ProxyFactory.of(run, carry=worker_config.is_cluster)
    with _sigterm_kept():
        pool = make_pool(
            worker_config.workers,
            factory,
            address=worker_config.address,
            cpus_per_worker=worker_config.cpus_per_worker,
            gpus_per_worker=worker_config.gpus_per_worker,
            node_class=worker_config.node_class,
            task_timeout_s=settings.task_timeout_s,
        )
    with NotingPool(pool, folder, run.problem) as pool:
        folder.log(
            f"begins with {pool.description}, {engine.ledger.num_evaluated} networks evaluated"
        )
        events.pool = pool
        loop = SearchLoop(
            engine,
            pool,
            budget=settings.budget,
            rungs=settings.rungs,
            seed=settings.seed,
            events=events,
            in_order=settings.deterministic,
            time_is_over=events.time_is_over,
        )
        loop.run()
        events.on_wait(loop)  # once more, with what is paused for good pruned
        folder.log("ends")
    return loop


def _ignore(snapshot: Snapshot) -> None:
    """Nobody asked for progress."""


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Afterwards the caller's own handler answers SIGTERM: Ray installs its own when it starts.

    A notebook or a program that searches keeps its handlers. A SIGTERM that Ray's handler answers
    meanwhile, by ending the process, is a Ctrl-C.
    """
    with handlers_kept(signal.SIGTERM):
        try:
            yield
        except SystemExit as error:
            raise KeyboardInterrupt from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _FrontMeasures:
    """What the display says of the front."""

    size: int
    """Of equally good networks, one is counted."""
    hypervolume: float
    best_accuracy: float | None
    best: str | None
    """Of the score that is searched for, in words."""


class _Search(LoopEvents):
    """What happens in the run folder and on the display beside a search."""

    pool: Pool
    """Set before the search begins."""

    def __init__(
        self, run: Run, engine: SearchEngine, on_progress: OnProgress, minutes: float | None
    ) -> None:
        self._run = run
        self._engine = engine
        self._on_progress = on_progress
        self._monitor = Monitor(run, engine.ledger)
        self._started = time.monotonic()
        self._limit_s = None if minutes is None else 60 * minutes
        self._waiting_before = engine.ledger.waiting
        self.evaluated: set[int] = set()
        """Trials of networks that were evaluated first in this session, by this process."""
        self._measured: tuple[int, ...] | None = None
        """Trials of the front that was measured last."""
        self._front = _FrontMeasures(size=0, hypervolume=0.0, best_accuracy=None, best=None)

    def time_is_over(self) -> bool:
        """Whether no further training is to begin in this session."""
        return self._limit_s is not None and self._elapsed_s >= self._limit_s

    @property
    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started

    def on_wait(self, loop: SearchLoop) -> None:
        for note in (*self.pool.take_notes(), *self._engine.take_notes()):
            self._run.folder.log(note)
        snapshot = self._snapshot(num_running=len(loop.running))
        self._monitor.show(self.pool, snapshot, now=not loop.running)
        self._on_progress(snapshot)

    def before_record(self, proposal: Proposal, result: TrialResult) -> None:
        if self._in_full(proposal) and result.ok and result.weights is not None:
            # Before the record: a network on the front must never lack its weights.
            name = f"weights/{proposal.candidate.arch.id}.safetensors"
            self._run.folder.write_bytes(name, result.weights)

    def after_record(self, proposal: Proposal, result: TrialResult, *, on_front: bool) -> None:
        folder, ledger = self._run.folder, self._engine.ledger
        self.evaluated |= {result.number} - self._waiting_before
        self._monitor.count(result, self._run.settings.rungs[proposal.rung])
        if self._in_full(proposal) and result.weights is not None:
            folder.keep_weights({member.arch_id for member in ledger.results.front})
        folder.log(_line(proposal, result, ledger.evaluations.get(result.number)))

    def _in_full(self, proposal: Proposal) -> bool:
        return proposal.rung == self._engine.ledger.top

    def _measure_front(self) -> _FrontMeasures:
        """Once for each change of the front, not for each look at it."""
        ledger, run = self._engine.ledger, self._run
        front = tuple(member.number for member in ledger.results.front)
        if front != self._measured:
            self._measured = front
            evaluations = [ledger.evaluations[number] for number in front]
            rows = front_rows(evaluations, run.problem.objectives, limits=run.problem.limits)
            values = {row.values(run.problem.objectives) for row in rows}
            self._front = _FrontMeasures(
                size=len(values),
                hypervolume=run.box.hypervolume(sorted(values)),
                best_accuracy=max((row.scores.accuracy for row in rows), default=None),
                best=_best(rows, run.problem.objectives),
            )
        return self._front

    def _snapshot(self, num_running: int) -> Snapshot:
        ledger, front = self._engine.ledger, self._measure_front()
        return Snapshot(
            budget=self._run.settings.budget,
            finished=ledger.count("complete"),
            pruned=ledger.num_waiting + ledger.count("pruned"),
            running=num_running,
            duplicates=ledger.count("duplicate"),
            rejected=ledger.count("rejected"),
            failed=ledger.count("failed"),
            best_accuracy=front.best_accuracy,
            score=score_of(self._run.problem.objectives).name.replace("_", " "),
            best=front.best,
            front_size=front.size,
            hypervolume=front.hypervolume,
            elapsed_s=self._elapsed_s,
            time_limit_s=self._limit_s,
            workers=self.pool.num_ready,
            dashboard=self.pool.dashboard_url,
        )


def _best(rows: Sequence[FrontRow], objectives: Sequence[Metric]) -> str | None:
    score = score_of(objectives)
    values = [score.value(row.cost, row.scores) for row in rows]
    return score.text(max(values)) if values else None


def _line(proposal: Proposal, result: TrialResult, evaluation: Evaluation | None) -> str:
    head = f"trial {result.number} network {proposal.candidate.arch.id} on {result.worker}"
    if proposal.rung:
        head += f", rung {proposal.rung}"
    if evaluation is not None and evaluation.failure is not None:
        return f"{head}: failed, {evaluation.failure.kind}: {evaluation.failure.message}"
    assert result.scores is not None
    return f"{head}: accuracy {result.scores.accuracy:.4f} after {result.scores.train_s:.1f} s"
