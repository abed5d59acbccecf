"""Trials in a journal file of Optuna's format, one append and one fsync for each batch.

Optuna's own storage writes an entry for each value, keeps every trial in memory, and parses each
trial's distributions again at every reading. Here a trial is one line with the settings that
matter in it, and what is read is what `nas` needs. Optuna, and optuna-dashboard, read the file as
their own (`docs/decisions/0002`).
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from optuna.distributions import distribution_to_json
from optuna.trial import TrialState

from nas.search._fields import (
    DRIVER,
    OPENED,
    PROMOTIONS,
    RECORD,
    RUNGS,
    distributions,
    end_of,
    opened,
    read_outcome,
    read_score,
    written_scores,
)
from nas.search._journal import Journal, repair_journal
from nas.search._storage import journal_errors, no_study, study_errors
from nas.search._store import StoredTrial, outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from nas.search._problem import Genes, SearchProblem
    from nas.search._storage import StorageAddress
    from nas.search._store import Outcome, RungScore
    from nas.space import Genome
    from nas.trial import Evaluation


class Operation(IntEnum):
    """Kinds of entries, as far as `nas` reads and writes them; the numbers are Optuna's."""

    CREATE_STUDY = 0
    SET_STUDY_ATTRIBUTE = 2
    CREATE_TRIAL = 4
    SET_PARAM = 5
    SET_STATE = 6
    SET_INTERMEDIATE = 7
    SET_ATTRIBUTE = 8


class JournalStore:
    """A `TrialStore` over a journal file with one study."""

    def __init__(
        self, problem: SearchProblem, address: StorageAddress, *, alone: bool = True
    ) -> None:
        """Open the study at `address`, which `create_study` made. Raises StorageError.

        `alone`: nobody writes the journal now, so that a lock which is left is void.
        """
        assert address.journal is not None
        self._problem = problem
        self._address = address
        self._path = address.journal
        self._worker = str(uuid4())
        self._distributions = {
            name: distribution_to_json(one) for name, one in distributions(problem.space).items()
        }
        self._names = tuple(self._distributions)
        with journal_errors(address.journal):
            if alone:
                repair_journal(address.journal)
            self._reader = JournalReader(address.journal, problem.space)
            self._reader.update()
        if address.study not in self._reader.studies:
            raise no_study(address)
        self.driver = ""
        self._lines: list[str] | None = None

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Gather changes into one append, and keep other writers out. Raises StorageError."""
        if self._lines is not None:
            yield
            return
        journal = self._reader.journal
        with study_errors(self._address), journal.lock():
            with journal_errors(self._path):
                self._reader.update()
                journal.cut_half_entry()
            self._lines = []
            try:
                yield
            finally:
                lines, self._lines = self._lines, None
                if lines:
                    journal.append(lines)

    def open_trial(self, genome: Genome, *, at: int, notes: Mapping[str, Any]) -> int:
        """A new trial; returns its number."""
        space = self._problem.space
        canonical = space.canonical_genome(genome)
        names = {gene: self._names[gene] for gene in space.active_genes(genome)}
        number = len(self._reader.trials)
        attributes = {OPENED: opened(at, notes), **self._signature()}
        self._write(
            Operation.CREATE_TRIAL,
            study_id=0,
            datetime_start=_now(),
            state=TrialState.RUNNING,
            value=None,
            values=None,
            distributions={name: self._distributions[name] for name in names.values()},
            params={name: canonical[gene] for gene, name in names.items()},
            user_attrs=attributes,
            system_attrs={},
            intermediate_values={},
        )
        self._reader.trials.append(_Trial(genome=list(canonical), attributes=attributes))
        return number

    def add_score(self, number: int, rungs: Sequence[RungScore]) -> None:
        """The last of these scores is new."""
        self._set_attribute(number, RUNGS, written_scores(rungs))
        # For optuna-dashboard.
        step, accuracy = len(rungs) - 1, rungs[-1].scores.accuracy
        self._write(
            Operation.SET_INTERMEDIATE, trial_id=number, step=step, intermediate_value=accuracy
        )

    def add_promotion(self, number: int, promotions: Sequence[int]) -> None:
        """The last of these promotions is new."""
        self._set_attribute(number, PROMOTIONS, list(promotions))
        if self.driver:
            self.take_over(number)

    def settle(self, evaluation: Evaluation, *, at: int) -> None:
        """Write how a trial ended, then close it."""
        outcome = outcome_of(evaluation, at=at)
        record = {**asdict(outcome), "arch_id": evaluation.arch.id if evaluation.cost else None}
        self._set_attribute(evaluation.number, RECORD, record)
        self._close(evaluation.number, outcome)

    def close(self, trial: StoredTrial) -> None:
        """Close a trial whose outcome was written but which was left open."""
        assert trial.outcome is not None
        self._close(trial.number, trial.outcome)

    def read(self) -> Sequence[StoredTrial]:
        """All trials, in order of their numbers."""
        return self._reader.stored()

    # -- several drivers -----------------------------------------------------------------------

    def take_over(self, number: int) -> None:
        """This driver evaluates the trial now."""
        self._set_attribute(number, DRIVER, self.driver)

    def changes(self) -> Sequence[StoredTrial]:
        """Trials of which others wrote since the last call."""
        return self._reader.changes()

    def beat(self, at_s: float) -> None:
        """This driver is alive at `at_s`; written at once."""
        entry = {"study_id": 0, "user_attr": {f"{DRIVER}.{self.driver}": at_s}}
        line = self._entry(Operation.SET_STUDY_ATTRIBUTE, **entry)
        journal = Journal(self._path)
        with study_errors(self._address), journal.lock():
            journal.cut_half_entry()
            journal.append([line])

    def beats(self) -> Mapping[str, float]:
        """The last sign of life of each driver."""
        return self._reader.beats

    def _signature(self) -> dict[str, str]:
        return {DRIVER: self.driver} if self.driver else {}

    def _close(self, number: int, outcome: Outcome) -> None:
        state, values = end_of(self._problem.objectives, outcome)
        self._write(
            Operation.SET_STATE,
            trial_id=number,
            state=state,
            values=values,
            datetime_complete=_now(),
        )
        self._reader.trials[number].closed = True

    def _set_attribute(self, number: int, name: str, value: object) -> None:
        self._write(Operation.SET_ATTRIBUTE, trial_id=number, user_attr={name: value})
        if self.driver:
            # Others may go on with the trial; what is written here is not read again.
            self._reader.trials[number].attributes[name] = value

    def _write(self, operation: Operation, **values: object) -> None:
        assert self._lines is not None, "changes are made within a batch"
        self._lines.append(self._entry(operation, **values))

    def _entry(self, operation: Operation, **values: object) -> str:
        entry = {"op_code": operation, "worker_id": self._worker, **values}
        return json.dumps(entry, separators=(",", ":"))


def _now() -> str:
    return datetime.now(tz=UTC).isoformat(timespec="microseconds")


@dataclass(slots=True)
class _Trial:
    """A trial as far as its entries were read."""

    genome: list[int]
    attributes: dict[str, Any] = field(default_factory=dict)
    closed: bool = False
    finished_s: float | None = None

    def stored(self, number: int) -> StoredTrial:
        """What was read of it, as a record."""
        attributes = self.attributes
        about = attributes.get(OPENED, {})
        return StoredTrial(
            number=number,
            genome=tuple(self.genome),
            at=about.get("at", 0),
            notes=about.get("notes", {}),
            rungs=tuple(map(read_score, attributes.get(RUNGS, ()))),
            promotions=tuple(attributes.get(PROMOTIONS, ())),
            outcome=read_outcome(attributes[RECORD]) if RECORD in attributes else None,
            closed=self.closed,
            finished_s=self.finished_s,
            driver=attributes.get(DRIVER, ""),
        )


class JournalReader:
    """The trials in a journal, as far as it was read."""

    def __init__(self, path: Path, space: Genes) -> None:
        """Nothing is read yet. Raises OSError without a file."""
        path.stat()
        self.journal = Journal(path)
        self.studies: list[str] = []
        self.trials: list[_Trial] = []
        self.beats: dict[str, float] = {}
        """The last sign of life of each driver."""
        self._changed: set[int] = set()
        self._genes = {gene.name: number for number, gene in enumerate(space.genes)}
        self._choices = [range(len(gene.labels)) for gene in space.genes]

    def update(self) -> None:
        """Take in what was written since. Raises OSError, ValueError, KeyError."""
        for entry in self.journal.read():
            operation = entry["op_code"]
            if operation == Operation.CREATE_STUDY:
                self.studies.append(entry["study_name"])
            elif operation == Operation.SET_STUDY_ATTRIBUTE:
                self._note_beat(entry["user_attr"])
            elif operation == Operation.CREATE_TRIAL:
                self._changed.add(len(self.trials))
                self.trials.append(self._opened(entry))
            elif operation in (Operation.SET_PARAM, Operation.SET_STATE, Operation.SET_ATTRIBUTE):
                self._changed.add(entry["trial_id"])
                self._change(self.trials[entry["trial_id"]], operation, entry)

    def stored(self) -> tuple[StoredTrial, ...]:
        """All trials, in order of their numbers."""
        self._changed.clear()
        return tuple(trial.stored(number) for number, trial in enumerate(self.trials))

    def changes(self) -> tuple[StoredTrial, ...]:
        """Trials that entries were read of since the last call of this or `stored`."""
        changed = sorted(self._changed)
        self._changed.clear()
        return tuple(self.trials[number].stored(number) for number in changed)

    def _note_beat(self, attributes: dict[str, Any]) -> None:
        for name, at_s in attributes.items():
            if name.startswith(f"{DRIVER}."):
                self.beats[name.removeprefix(f"{DRIVER}.")] = at_s

    def _opened(self, entry: dict[str, Any]) -> _Trial:
        genome = [0] * len(self._genes)
        for name, choice in entry.get("params", {}).items():
            genome[self._genes[name]] = self._choice(name, choice)
        return _Trial(genome=genome, attributes=dict(entry.get("user_attrs", {})))

    def _choice(self, name: str, choice: object) -> int:
        if not isinstance(choice, int) or choice not in self._choices[self._genes[name]]:
            raise ValueError(f"{name} has no choice {choice!r:.40}")
        return choice

    def _change(self, trial: _Trial, operation: int, entry: dict[str, Any]) -> None:
        if trial.closed:
            return  # As Optuna has it: what comes after a trial's end is void.
        if operation == Operation.SET_ATTRIBUTE:
            trial.attributes.update(entry["user_attr"])
        elif operation == Operation.SET_PARAM:
            name = entry["param_name"]
            choice = self._choice(name, int(entry["param_value_internal"]))
            trial.genome[self._genes[name]] = choice
        elif TrialState(entry["state"]).is_finished():
            trial.closed = True
            ended = datetime.fromisoformat(entry["datetime_complete"])
            trial.finished_s = ended.timestamp()
