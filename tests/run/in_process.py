"""Searches with one worker, in this process, that pretend to train."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nas.run import Run, SearchOutcome, WorkerConfig, open_run, run_search
from nas.search import load_evaluations
from nas.trial import TrialResult
from tests.search.small import pretend_result, pretending

if TYPE_CHECKING:
    from collections import Counter

    from nas.trial import Evaluation, Task
    from nas.workers import Evaluator, Factory, WorkerInfo

LOCAL = WorkerConfig(workers="local")


def run(session: Run, factory: Factory = pretending) -> SearchOutcome:
    return run_search(session, LOCAL, factory=factory)


def resume(session: Run, factory: Factory = pretending) -> SearchOutcome:
    return run(open_run(session.folder.path), factory)


def evaluations(session: Run) -> tuple[Evaluation, ...]:
    """Every trial, without the time of day."""
    read = load_evaluations(session.problem, session.address)
    return tuple(replace(one, finished_s=None) for one in read)


def counting(seen: Counter[str], *, stop_after: int | None = None) -> Factory:
    """Counts how often each network is trained; Ctrl-C after so many."""

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            if stop_after is not None and seen.total() >= stop_after:
                raise KeyboardInterrupt
            seen[task.arch.id] += 1
            return pretend_result(task.number, task.arch)

        return evaluate

    return factory
