"""Making a study, opening it for a search, and reading it without being its writer."""

from __future__ import annotations

import time
import warnings
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

import optuna
from optuna.storages.journal import JournalFileBackend

from nas.errors import StorageError
from nas.search._collector import no_garbage_collection
from nas.search._database_lock import DatabaseLock
from nas.search._journal_reader import JournalReader
from nas.search._journal_store import JournalStore
from nas.search._optuna_store import OptunaStore, read_trials
from nas.search._outcomes import restored
from nas.search._storage import no_study, open_database, reading_errors, study_errors
from nas.trial import Evaluation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nas.metrics import Metric
    from nas.search._problem import Problem
    from nas.search._storage import StorageAddress
    from nas.search._store import SharedStore, StoredTrial


def create_study(address: StorageAddress, objectives: tuple[Metric, ...]) -> None:
    """Make a new, empty study. Raises StorageError, also if there is one of that name."""
    try:
        with study_errors(address), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study = optuna.create_study(
                study_name=address.study,
                storage=_optuna_storage(address),
                directions=[objective.direction for objective in objectives],
            )
            study.set_metric_names([objective.name for objective in objectives])
    except optuna.exceptions.DuplicatedStudyError as error:
        raise StorageError(
            f"{address}: holds a study named '{address.study}' already; the run folder's name "
            "is the study's: name another folder with `out`"
        ) from error


def delete_empty_study(address: StorageAddress) -> None:
    """Delete a study of a database that has no trials; any other, or none, is left as it is.

    Raises StorageError, and OutageError where another driver has it for long.
    """
    if address.url is None:
        return
    with study_errors(address), suppress(KeyError):
        backend, lock = open_database(address), DatabaseLock(address.url, address.study)
        lock.acquire()
        try:
            study_id = backend.get_study_id_from_name(address.study)
            if not backend.get_n_trials(study_id):
                backend.delete_study(study_id)
        finally:
            lock.release()


def _optuna_storage(address: StorageAddress) -> optuna.storages.BaseStorage:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if address.journal is None:
        return open_database(address, create=True)
    return optuna.storages.JournalStorage(JournalFileBackend(str(address.journal.absolute())))


def open_store(
    problem: Problem,
    address: StorageAddress,
    *,
    note: Callable[[str], None] = lambda text: None,
    alone: bool = True,
) -> SharedStore:
    """The study of a search. Raises StorageError.

    Args:
        problem: What is searched.
        address: Where `create_study` made it.
        note: Hears of a database that goes away later, and is waited for.
        alone: Of a journal: nobody else writes it now, and what a killed writer left is mended.
    """
    if address.journal is not None:
        return JournalStore(problem, address, alone=alone)
    return OptunaStore(problem, address, note=note)


@no_garbage_collection()
def load_evaluations(problem: Problem, address: StorageAddress) -> tuple[Evaluation, ...]:
    """Every settled trial of a study, in order; nothing is written. Raises StorageError."""
    return _read(problem, address).settled


@no_garbage_collection()
def load_trials(
    problem: Problem, address: StorageAddress
) -> tuple[tuple[Evaluation, ...], tuple[Evaluation, ...]]:
    """Every settled trial, and every network scored below full training only; at one moment.

    The latter are as if they were pruned now: they may yet climb. Raises StorageError.
    """
    reading = _read(problem, address)
    return reading.settled, tuple(_paused(problem, one) for one in reading.waiting)


def _paused(problem: Problem, trial: StoredTrial) -> Evaluation:
    candidate = problem.candidate(trial.genome)
    return Evaluation(
        number=trial.number,
        state="pruned",
        arch=candidate.arch,
        cost=candidate.cost,
        rungs=tuple(one.scores for one in trial.rungs),
        genome=trial.genome,
    )


def count_paused(problem: Problem, address: StorageAddress) -> int:
    """Networks scored below full training only, which may yet climb. Raises StorageError."""
    return len(_read(problem, address).waiting)


class _Reading:
    """The trials of a study at one moment."""

    def __init__(
        self, problem: Problem, address: StorageAddress, trials: Sequence[StoredTrial]
    ) -> None:
        self._problem = problem
        self._address = address
        self._trials = trials

    def is_of(self, problem: Problem, address: StorageAddress) -> bool:
        """Whether it is this study, read for this search."""
        return (self._problem, self._address) == (problem, address)

    @cached_property
    def settled(self) -> tuple[Evaluation, ...]:
        """In order."""
        decode = self._problem.space.decode
        ended = [trial for trial in self._trials if trial.outcome is not None]
        with study_errors(self._address):
            return tuple(restored(trial, decode(trial.genome)) for trial in ended)

    @property
    def waiting(self) -> list[StoredTrial]:
        """Networks scored below full training only."""
        return [trial for trial in self._trials if trial.outcome is None and trial.rungs]


def _read(problem: Problem, address: StorageAddress) -> _Reading:
    if address.journal is None:
        return _Reading(problem, address, read_trials(problem, address))
    with reading_errors(address):
        return _LAST_JOURNAL.read(problem, address, address.journal)


QUIET_S = 2.0
"""A journal that was written less than this ago may be written again at the same time, as file
systems tell times."""


class _LastJournal:
    """A report asks its journal for this and that: unless it has changed, it is read once."""

    def __init__(self) -> None:
        self._last: tuple[tuple[int, ...], _Reading] | None = None
        """The file as it was, and what was in it; one value, for several threads may read."""

    def read(self, problem: Problem, address: StorageAddress, journal: Path) -> _Reading:
        """What is in it now. Raises StorageError."""
        found, last = journal.stat(), self._last
        stamp = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        if last is not None and last[0] == stamp and last[1].is_of(problem, address):
            return last[1]
        reader = JournalReader(journal, problem.space)
        reader.update()
        if address.study not in reader.study.names:
            raise no_study(address)
        reading = _Reading(problem, address, reader.stored())
        quiet = time.time() - found.st_mtime > QUIET_S
        self._last = (stamp, reading) if quiet else None
        return reading


_LAST_JOURNAL = _LastJournal()
