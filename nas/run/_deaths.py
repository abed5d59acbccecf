"""Networks whose training ends the whole program, as where a container is killed for its memory.

Nobody is left to say so, and a search that goes on would train the same network first, for ever.
A note in the run folder is written before each training and taken back after it, whoever trains
and however many drivers there are; one that is found there later tells of a death.

A program that dies with several networks in training leaves a note of each, and one is to blame
at most. Twice in that company is chance enough: after that a network is trained in a company a
sixteenth the size, and so on until it is alone. All that two deaths of a driver left behind are so
tried again in some sixteen turns, however many workers there are. A network is given up after two
deaths of which one came when it was alone.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from nas.cost import training_bytes
from nas.errors import OutageError, RunFolderError
from nas.records import read_record
from nas.trial import Failure, TrialResult
from nas.workers import Pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.run._folder import RunFolder
    from nas.search import Problem
    from nas.trial import Task
    from nas.workers import Measure

NOTES = "in_training"
"""A folder in the run folder, with a file for each network in training."""
MAX_DEATHS = 2
"""Deaths of the program under the same training after which it is not tried as before."""
SMALLER_BY = 16
"""By what factor the company of a network is smaller that may be to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deaths:
    """How often the program ended under one training."""

    total: int = 0
    alone: int = 0
    """Of these, with no other training under way."""
    company: int = 1
    """Trainings that could be under way at the last of these, itself included."""

    @property
    def is_proved(self) -> bool:
        """Whether the network is given up."""
        return self.total >= MAX_DEATHS and self.alone > 0

    @property
    def is_suspected(self) -> bool:
        """Whether it is trained in smaller company, or alone."""
        return self.total >= MAX_DEATHS and not self.alone

    def room(self, num_workers: int) -> int:
        """Trainings that may be under way with it, itself included."""
        if self.total < MAX_DEATHS:
            return num_workers
        return max(1, min(num_workers, self.company // SMALLER_BY))


class NotingPool(Pool):
    """A pool whose trainings are noted in the run folder; what killed the program is given up.

    No more tasks are with the pool's workers than it has workers: what waits is not noted.
    """

    def __init__(self, pool: Pool, folder: RunFolder, problem: Problem) -> None:
        """Nothing is in training yet.

        Args:
            pool: What trains; it is closed with this one.
            folder: Where the notes are.
            problem: What is searched, for messages.
        """
        self._pool = pool
        self._folder = folder
        self._problem = problem
        self._line: deque[tuple[Task, Deaths]] = deque()
        """What waits, with what its note says."""
        self._under_way: dict[int, tuple[Task, Deaths]] = {}
        """With the pool, and what was known of each before; by trial."""
        self._is_alone = False
        """Whether the one that is under way is noted as having nothing beside it."""
        self._given_up: deque[TrialResult] = deque()
        self._said: list[str] = []
        self.num_workers = pool.num_workers
        self.description = pool.description
        self.dashboard_url = pool.dashboard_url

    @property
    def num_ready(self) -> int:
        """Workers that can train now."""
        return self._pool.num_ready

    def submit(self, task: Task) -> None:
        """Put a task at the end of the line, and let begin what can."""
        self._line.append((task, self._known(task)))
        self._begin_next()

    def next_result(self, timeout_s: float | None = None) -> TrialResult | None:
        """The next task to finish or to be given up."""
        with suppress(OutageError):  # the pool says so itself, once it has handed out what came
            self._begin_next()
        if self._given_up:
            return self._given_up.popleft()
        result = self._pool.next_result(timeout_s)
        self.num_workers = self._pool.num_workers
        if result is not None:
            self._end(result.number)
        return result

    def take_notes(self) -> list[str]:
        """What became of workers, and which networks are suspected."""
        said, self._said = self._said, []
        return [*said, *self._pool.take_notes()]

    def export(self, measures: Sequence[Measure], *, run: str) -> None:
        """As the pool does it."""
        self._pool.export(measures, run=run)

    def close(self) -> None:
        """Take the notes back, for this program lives, and close the pool."""
        for task, before in self._under_way.values():
            self._note(task, before)
        self._under_way.clear()
        with suppress(OSError):
            (self._folder.path / NOTES).rmdir()
        self._line.clear()
        self._pool.close()

    def _begin_next(self) -> None:
        """Hand to the pool what may begin, in order, and give up what is proved."""
        while self._line:
            task, before = self._line[0]
            if not before.is_proved and self._must_wait(before):
                return
            self._line.popleft()
            if before.is_proved:
                self._give_up(task, before)
            else:
                self._begin(task, before)

    def _must_wait(self, before: Deaths) -> bool:
        num_workers = self._pool.num_workers
        together = [before, *(known for _, known in self._under_way.values())]
        room = min(known.room(num_workers) for known in together)
        return bool(self._under_way) and len(self._under_way) >= room

    def _begin(self, task: Task, before: Deaths) -> None:
        room = before.room(self._pool.num_workers)
        if before.is_suspected:
            beside = f"at most {room - 1} more" if room > 1 else "nothing"
            self._said.append(
                f"trial {task.number} was in training when the search was killed, "
                f"{before.total} times: it is trained with {beside} beside it"
            )
        if self._is_alone:  # a worker has come since
            for other, known in self._under_way.values():
                self._note_begun(other, known, room=room)
        self._is_alone = room == 1
        self._under_way[task.number] = task, before
        self._note_begun(task, before, room=room)
        self._pool.submit(task)

    def _note_begun(self, task: Task, before: Deaths, *, room: int) -> None:
        """What is so if the program dies in this training."""
        alone = before.alone + (room == 1)
        self._note(task, Deaths(total=before.total + 1, alone=alone, company=room))

    def _give_up(self, task: Task, before: Deaths) -> None:
        failure = self._failure(task, before)
        result = TrialResult(number=task.number, failure=failure, worker="no worker")
        self._given_up.append(result)
        self._note(task, Deaths())  # a record tells of it from now on

    def _end(self, number: int) -> None:
        task, _ = self._under_way.pop(number)
        self._is_alone = False
        self._note(task, Deaths())

    def _known(self, task: Task) -> Deaths:
        """What the note says; nothing where there is none, or it says nothing that can be."""
        with suppress(RunFolderError, ValueError):
            return read_record(Deaths, self._folder.read_json(_name(task)))
        return Deaths()

    def _note(self, task: Task, deaths: Deaths) -> None:
        # A disk that is full is not the network's fault; the search ends at its next record.
        with suppress(RunFolderError, OSError):
            if deaths.total:
                self._folder.write_json(_name(task), asdict(deaths))
            else:
                (self._folder.path / _name(task)).unlink(missing_ok=True)

    def _failure(self, task: Task, deaths: Deaths) -> Failure:
        needed = training_bytes(
            task.arch,
            input_shape=self._problem.input_shape,
            num_classes=self._problem.num_classes,
            batch_size=task.fidelity.batch_size,
        )
        return Failure(
            kind="WorkerDied",
            message=f"killed {deaths.total} times while it was trained, probably out of memory: "
            f"{needed / 1e9:.2g} GB needed at least",
        )


def _name(task: Task) -> str:
    """Of its note: one driver at a time has it, so that no lock is needed."""
    return f"{NOTES}/{task.arch.id}-{task.fidelity.epochs}@{task.fidelity.resolution}.json"
