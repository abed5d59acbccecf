"""What tasks given to a pool come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.trial import Task, TrialResult
    from nas.workers import Pool


def finish(pool: Pool, *tasks: Task) -> list[TrialResult]:
    """Results in the order in which they came."""
    for task in tasks:
        pool.submit(task)
    results = [pool.next_result() for _ in tasks]
    return [result for result in results if result is not None]


def kind(result: TrialResult) -> str:
    return result.failure.kind if result.failure else "ok"
