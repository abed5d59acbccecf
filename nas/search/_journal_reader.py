"""The trials in a journal: every entry is checked as it is read, and one that does not fit named.

Optuna numbers trials by the order of the lines that open them. A line that is lost would give
every later trial's results to its neighbour; so each of ours says its trial's number too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from nas.search._fields import DRIVER, OPENED, read_attributes, read_opened
from nas.search._journal import Journal
from nas.search._store import DamagedStudy, StoredTrial

if TYPE_CHECKING:
    from pathlib import Path

    from nas.search._problem import Genes

REPLAY_ERRORS = (KeyError, ValueError, TypeError, AttributeError, AssertionError, IndexError)
"""What taking in an entry raises that makes no sense where it stands."""


class Operation(IntEnum):
    """Kinds of entries, as far as `nas` reads and writes them; the numbers are Optuna's."""

    CREATE_STUDY = 0
    DELETE_STUDY = 1
    SET_STUDY_ATTRIBUTE = 2
    CREATE_TRIAL = 4
    SET_PARAM = 5
    SET_STATE = 6
    SET_INTERMEDIATE = 7
    SET_ATTRIBUTE = 8


@dataclass(slots=True, kw_only=True)
class JournalTrial:
    """A trial as far as its entries were read."""

    genome: list[int]
    told: dict[str, Any] = field(default_factory=dict)
    """What its attributes say, by field of `StoredTrial`."""
    is_ours: bool = True
    """Not of Optuna itself, whose trials end without a record."""
    closed: bool = False
    finished_s: float | None = None

    def note(self, attributes: dict[str, Any]) -> None:
        """Take in attributes. Raises what `read_attributes` does."""
        self.told.update(read_attributes(attributes))

    def stored(self, number: int) -> StoredTrial:
        """What was read of it, as a record."""
        return StoredTrial(
            number=number,
            genome=tuple(self.genome),
            closed=self.closed,
            finished_s=self.finished_s,
            **{"at": 0, **self.told},
        )


class JournaledStudy:
    """What the entries of a journal say."""

    def __init__(self, space: Genes) -> None:
        self.names: list[str] = []
        """Of studies; the first is ours."""
        self.trials: list[JournalTrial] = []
        self.beats: dict[str, float] = {}
        """The last sign of life of each driver."""
        self.changed: set[int] = set()
        """Trials that entries spoke of."""
        self._genes = {gene.name: number for number, gene in enumerate(space.genes)}
        self._choices = [range(len(gene.labels)) for gene in space.genes]

    def take_in(self, entry: dict[str, Any]) -> None:
        """Apply an entry, or leave all as it was and raise DamagedStudy, which says why."""
        try:
            self._apply(entry["op_code"], entry)
        except DamagedStudy:
            raise
        except REPLAY_ERRORS as error:
            raise DamagedStudy(f"cannot be read ({type(error).__name__}: {error})") from error

    def _apply(self, operation: int, entry: dict[str, Any]) -> None:
        if operation == Operation.CREATE_STUDY:
            self.names.append(entry["study_name"])
        elif not self.names:
            raise DamagedStudy("stands before the line that makes the study")
        elif operation == Operation.DELETE_STUDY:
            if entry["study_id"] == 0:
                raise DamagedStudy("deletes the study")
        elif operation == Operation.SET_STUDY_ATTRIBUTE:
            self._note_beats(entry["user_attr"])
        elif operation == Operation.CREATE_TRIAL:
            self._open(entry)
        elif "trial_id" in entry:
            self._change(operation, entry)

    def _note_beats(self, attributes: dict[str, Any]) -> None:
        for name, at_s in attributes.items():
            if name.startswith(f"{DRIVER}."):
                self.beats[name.removeprefix(f"{DRIVER}.")] = at_s

    def _open(self, entry: dict[str, Any]) -> None:
        number, attributes = len(self.trials), entry.get("user_attrs", {})
        if entry["study_id"] != 0:
            raise DamagedStudy("opens a trial of another study")
        named = read_opened(attributes.get(OPENED, {})).number
        if named not in (None, number):
            raise DamagedStudy(f"opens trial {named} where trial {number} is due")
        trial = JournalTrial(genome=[0] * len(self._genes), is_ours=OPENED in attributes)
        for name, choice in entry.get("params", {}).items():
            trial.genome[self._genes[name]] = self._choice(name, choice)
        trial.note(attributes)
        self.trials.append(trial)
        self.changed.add(number)

    def _choice(self, name: str, choice: object) -> int:
        if not isinstance(choice, int) or choice not in self._choices[self._genes[name]]:
            raise ValueError(f"{name} has no choice {choice!r:.40}")
        return choice

    def _change(self, operation: int, entry: dict[str, Any]) -> None:
        number = entry["trial_id"]
        if not 0 <= number < len(self.trials):
            raise DamagedStudy(f"speaks of trial {number}, which no line before it opens")
        trial = self.trials[number]
        if trial.closed:
            return  # As Optuna has it: what comes after a trial's end is void.
        if operation == Operation.SET_ATTRIBUTE:
            trial.note(entry["user_attr"])
        elif operation == Operation.SET_PARAM:
            name = entry["param_name"]
            choice = self._choice(name, int(entry["param_value_internal"]))
            trial.genome[self._genes[name]] = choice
        elif operation == Operation.SET_STATE and TrialState(entry["state"]).is_finished():
            self._close(number, entry)
        self.changed.add(number)

    def _close(self, number: int, entry: dict[str, Any]) -> None:
        trial = self.trials[number]
        if trial.is_ours and "outcome" not in trial.told:
            raise DamagedStudy(f"ends trial {number}, whose record is lost")
        trial.finished_s = datetime.fromisoformat(entry["datetime_complete"]).timestamp()
        trial.closed = True


class JournalReader:
    """The study in a journal, as far as it was read."""

    def __init__(self, path: Path, space: Genes) -> None:
        """Nothing is read yet. Raises OSError without a file."""
        path.stat()
        self.journal = Journal(path)
        self.study = JournaledStudy(space)

    def update(self) -> None:
        """Take in what was written since. Raises OSError, and DamagedStudy naming the line."""
        try:
            for entry in self.journal.read():
                self.study.take_in(entry)
        except DamagedStudy as error:
            raise DamagedStudy(f"line {self.journal.num_lines}: {error}") from error

    def stored(self) -> tuple[StoredTrial, ...]:
        """All trials, in order of their numbers."""
        self.study.changed.clear()
        return tuple(trial.stored(number) for number, trial in enumerate(self.study.trials))

    def changes(self) -> tuple[StoredTrial, ...]:
        """Trials that entries were read of since the last call of this or `stored`."""
        changed = sorted(self.study.changed)
        self.study.changed.clear()
        return tuple(self.study.trials[number].stored(number) for number in changed)
