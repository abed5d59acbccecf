"""Trials in a journal file of Optuna's format, one append and one fsync for each batch.

Optuna's own storage writes an entry for each value, keeps every trial in memory, and parses each
trial's distributions again at every reading. Here a trial is one line with the settings that
matter in it, and what is read is what `nas` needs. Optuna, and optuna-dashboard, read the file as
their own (`docs/decisions/0002`).
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from optuna.distributions import distribution_to_json
from optuna.trial import TrialState

from nas.search._collector import no_garbage_collection
from nas.search._fields import (
    DRIVER,
    OPENED,
    PROMOTIONS,
    RECORD,
    RUNGS,
    Opened,
    distributions,
    end_of,
    written_scores,
)
from nas.search._journal import Journal, repair_journal
from nas.search._journal_reader import JournalReader, JournalTrial, Operation
from nas.search._storage import no_study, reading_errors, study_errors
from nas.search._store import outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nas.search._problem import SearchProblem
    from nas.search._storage import StorageAddress
    from nas.search._store import Outcome, RungScore, StoredTrial
    from nas.space import Genome
    from nas.trial import Evaluation


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
        with reading_errors(address), no_garbage_collection():
            if alone:
                repair_journal(address.journal)
            self._reader = JournalReader(address.journal, problem.space)
            self._reader.update()
        self._study = self._reader.study
        if address.study not in self._study.names:
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
            with reading_errors(self._address):
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
        number = len(self._study.trials)
        about = Opened(at=at, number=number, notes=dict(notes))
        attributes = {OPENED: about.to_plain(), **self._signature()}
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
        trial = JournalTrial(genome=list(canonical))
        trial.note(attributes)
        self._study.trials.append(trial)
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
        self._set_attribute(evaluation.number, RECORD, asdict(outcome))
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
        return self._study.beats

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
        self._study.trials[number].closed = True

    def _set_attribute(self, number: int, name: str, value: object) -> None:
        self._write(Operation.SET_ATTRIBUTE, trial_id=number, user_attr={name: value})
        # What is written here is not read again.
        self._study.trials[number].note({name: value})

    def _write(self, operation: Operation, **values: object) -> None:
        assert self._lines is not None, "changes are made within a batch"
        self._lines.append(self._entry(operation, **values))

    def _entry(self, operation: Operation, **values: object) -> str:
        entry = {"op_code": operation, "worker_id": self._worker, **values}
        return json.dumps(entry, separators=(",", ":"))


def _now() -> str:
    return datetime.now(tz=UTC).isoformat(timespec="microseconds")
