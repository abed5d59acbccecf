"""A search for a process of its own, to be killed. Not a test."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from nas.run import WorkerConfig, open_run, run_search
from tests.search.small import pretend_result

if TYPE_CHECKING:
    from nas.trial import Task, TrialResult
    from nas.workers import Evaluator, WorkerInfo


def search_slowly(run: Path, log: Path, seconds: float) -> None:
    """Go on with a search whose trainings take `seconds`, each leaving a line in `log`."""

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            time.sleep(seconds)
            with log.open("a") as file:
                file.write(f"{task.arch.id}\n")
            return pretend_result(task.number, task.arch)

        return evaluate

    run_search(open_run(run), WorkerConfig(workers="local"), factory=factory)


def search_poisoned(run: Path, log: Path) -> None:
    """Go on with a search of which one network, the third, takes all the memory there is."""
    poison = log.with_name("poison")

    def factory(info: WorkerInfo) -> Evaluator:
        def evaluate(task: Task) -> TrialResult:
            trained = log.read_text().split() if log.exists() else []
            if len(trained) == 2 and not poison.exists():
                poison.write_text(task.arch.id)
            if poison.exists() and poison.read_text() == task.arch.id:
                held = [bytes([1]) * 50_000_000 for _ in range(200)]
                raise AssertionError(f"nobody stopped it at {len(held)}")
            with log.open("a") as file:
                file.write(f"{task.arch.id}\n")
            return pretend_result(task.number, task.arch)

        return evaluate

    run_search(open_run(run), WorkerConfig(workers="local"), factory=factory)
