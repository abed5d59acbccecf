"""Networks whose training ends the whole process, as where the kernel kills it for its memory.

With `--workers local` nobody is left to say so. A note in the run folder is written before each
training and taken back after it; one that is found there later tells of a death.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from nas.cost import training_bytes
from nas.errors import RunFolderError
from nas.trial import Failure, TrialResult

if TYPE_CHECKING:
    from nas.run._folder import RunFolder
    from nas.search import Problem
    from nas.trial import Task
    from nas.workers import Evaluator, Factory, WorkerInfo

NOTES = "in_training.json"
MAX_DEATHS = 2
"""Deaths of the process under the same training after which it is not tried again."""


def noting_deaths(factory: Factory, folder: RunFolder, problem: Problem) -> Factory:
    """The same factory, of an evaluator that gives up what killed this process twice."""

    def make(info: WorkerInfo) -> Evaluator:
        return _Noting(factory(info), folder, problem)

    return make


class _Noting:
    """An evaluator that notes in the run folder what it is about to do."""

    def __init__(self, evaluate: Evaluator, folder: RunFolder, problem: Problem) -> None:
        self._evaluate = evaluate
        self._folder = folder
        self._problem = problem
        has_notes = (folder.path / NOTES).exists()
        self._deaths: dict[str, int] = folder.read_json(NOTES) if has_notes else {}

    def __call__(self, task: Task) -> TrialResult:
        key = f"{task.arch.id} {task.fidelity.epochs}@{task.fidelity.resolution}"
        deaths = self._deaths.get(key, 0)
        if deaths >= MAX_DEATHS:
            return TrialResult(number=task.number, failure=self._failure(task, deaths))
        self._note(key, deaths + 1)
        try:
            result = self._evaluate(task)
        except BaseException:  # Ctrl-C or a time limit: this process lives
            self._note(key, deaths)
            raise
        self._note(key, 0)
        return result

    def _note(self, key: str, deaths: int) -> None:
        self._deaths[key] = deaths
        self._deaths = {key: count for key, count in self._deaths.items() if count}
        # A disk that is full is not the network's fault; the search ends at its next record.
        with suppress(RunFolderError, OSError):
            if self._deaths:
                self._folder.write_json(NOTES, self._deaths)
            else:
                (self._folder.path / NOTES).unlink(missing_ok=True)

    def _failure(self, task: Task, deaths: int) -> Failure:
        needed = training_bytes(
            task.arch,
            input_shape=self._problem.input_shape,
            num_classes=self._problem.num_classes,
            batch_size=task.fidelity.batch_size,
        )
        return Failure(
            kind="WorkerDied",
            message=f"killed {deaths} times while it was trained, probably out of memory: "
            f"{needed / 1e9:.2g} GB needed at least",
        )
