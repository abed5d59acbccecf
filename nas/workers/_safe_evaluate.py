"""Run an evaluator so that whatever it does ends as one well-formed result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nas.trial import Failure, Task, TrialResult

if TYPE_CHECKING:
    from nas.workers._pool import Evaluator


def safe_evaluate(evaluate: Evaluator, task: Task, *, worker: str) -> TrialResult:
    """The evaluator's result for `task`, or a failed one that says what it raised."""
    try:
        result = evaluate(task)
        _check_answer(result, task)
    except Exception as error:
        result = TrialResult(number=task.number, failure=Failure.from_exception(error))
    return result if result.worker else replace(result, worker=worker)


def failed(task: Task, kind: str, message: str, *, worker: str) -> TrialResult:
    """A result for a task that no evaluator could answer."""
    failure = Failure(kind=kind, message=message)
    return TrialResult(number=task.number, failure=failure, worker=worker)


def _check_answer(result: TrialResult, task: Task) -> None:
    if not isinstance(result, TrialResult):
        raise TypeError(f"the evaluator returned a {type(result).__name__}, not a TrialResult")
    if result.number != task.number:
        raise ValueError(f"the evaluator answered task {result.number}, not task {task.number}")
