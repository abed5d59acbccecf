"""One search on a table: the engine of `nas search`, with workers on a simulated clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nas.bench._contenders import CONTENDERS
from nas.search import LoopEvents, MemoryStore, SearchEngine, SearchLoop
from nas.trial import Fidelity, Scores, TrialResult
from nas.workers import SimulatedPool

if TYPE_CHECKING:
    from nas.bench._table import Table
    from nas.search import Proposal
    from nas.trial import Task
    from nas.workers import Evaluator, Factory, WorkerInfo

FULL = Fidelity(epochs=1)
"""Stands for the training that a table has; nothing reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRun:
    """One search: a pure function of these fields, but for the time that proposals take."""

    table: str
    sampler: str
    """One of `CONTENDERS`."""
    seed: int
    budget: int
    """Trainings."""
    workers: int

    @property
    def replica(self) -> int:
        """The training seed whose accuracy the search is told: they take turns."""
        return self.seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What a run trained, and when. Networks are named by their ids in the table."""

    run: BenchRun
    trained: tuple[str, ...]
    """In order of completion; a sampler without deduplication trains some more than once."""
    finished_s: tuple[float, ...]
    """When each training ended, in simulated seconds."""
    repeats: tuple[int, ...]
    """Proposals answered from an earlier result until then."""
    ask_ms: tuple[float, ...]
    """CPU milliseconds of each proposal, in order of the trainings."""


def run_bench_search(run: BenchRun, table: Table) -> Trace:
    """Search a table until the budget is trained, or nothing is left."""
    setup = CONTENDERS[run.sampler]
    engine = _TimedEngine(
        table,
        MemoryStore(),
        sampler=setup.sampler,
        seed=run.seed,
        start=(0,) * len(table.space.genes),
        deduplicate=setup.deduplicate,
    )
    pool = SimulatedPool(answer_from(table, run.replica), num_workers=run.workers)
    recorder = _Recorder(pool, engine)
    # As many more as run when the last one that counts is done: no worker ever waits.
    loop = SearchLoop(
        engine,
        pool,
        budget=run.budget + run.workers - 1,
        rungs=(FULL,),
        seed=run.seed,
        events=recorder,
        poll_s=None,
    )
    while len(recorder.trained) < run.budget and loop.step():
        pass
    return Trace(
        run=run,
        trained=tuple(recorder.trained[: run.budget]),
        finished_s=tuple(recorder.finished_s[: run.budget]),
        repeats=tuple(recorder.repeats[: run.budget]),
        ask_ms=tuple(round(1e3 * seconds, 3) for seconds in engine.ask_s),
    )


class _TimedEngine(SearchEngine):
    """Notes the processor time of each proposal."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.ask_s: list[float] = []

    def propose(self) -> Proposal | None:
        """As the engine does, timed."""
        began_s = time.process_time()
        proposal = super().propose()
        self.ask_s.append(time.process_time() - began_s)
        return proposal


@dataclass(slots=True)
class _Recorder(LoopEvents):
    """Writes down each training as it ends."""

    pool: SimulatedPool
    engine: SearchEngine
    trained: list[str] = field(default_factory=list)
    finished_s: list[float] = field(default_factory=list)
    repeats: list[int] = field(default_factory=list)

    def after_record(self, proposal: Proposal, result: TrialResult, *, on_front: bool) -> None:
        """One more training is over."""
        ledger = self.engine.ledger
        self.trained.append(proposal.candidate.arch.id)
        self.finished_s.append(round(self.pool.now_s, 3))
        self.repeats.append(ledger.num_trials - ledger.num_begun)


def answer_from(table: Table, replica: int) -> Factory:
    """Workers that look trainings up, of the training seed number `replica`."""

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            row = table.network(task.arch.id)
            accuracy = row.search_accuracy(replica)
            scores = Scores(accuracy=accuracy, loss=1 - accuracy, train_s=row.train_s)
            return TrialResult(number=task.number, scores=scores)

        return evaluate

    return factory
