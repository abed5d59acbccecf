"""Making a study, finding it again, and reading it without being its writer."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import optuna

from nas.errors import StorageError
from nas.search._record import read_evaluation
from nas.search._storage import open_storage

if TYPE_CHECKING:
    from nas.metrics import Metric
    from nas.search._problem import Problem
    from nas.search._storage import Storage, StorageAddress
    from nas.trial import Evaluation


def create_study(address: StorageAddress, objectives: tuple[Metric, ...]) -> None:
    """Make a new, empty study. Raises StorageError, also if there is one of that name."""
    storage = open_storage(address, writer=True)
    try:
        with storage.batch(), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study = optuna.create_study(
                study_name=address.study,
                storage=storage.backend,
                directions=[objective.direction for objective in objectives],
            )
            study.set_metric_names([objective.name for objective in objectives])
    except optuna.exceptions.DuplicatedStudyError as error:
        raise StorageError(
            f"{address}: holds a study named '{address.study}' already; the run folder's name "
            "is the study's: name another folder with --out"
        ) from error


def load_evaluations(problem: Problem, address: StorageAddress) -> tuple[Evaluation, ...]:
    """Every settled trial of a study, in order; nothing is written. Raises StorageError."""
    storage = open_storage(address, writer=False)
    with storage.batch():
        trials = load_study(storage).get_trials(deepcopy=False)
    read = (read_evaluation(problem, trial) for trial in trials)
    return tuple(evaluation for evaluation in read if evaluation is not None)


def load_study(storage: Storage) -> optuna.Study:
    """The study named in the storage's address. Raises StorageError where there is none."""
    address = storage.address
    try:
        return optuna.load_study(study_name=address.study, storage=storage.backend)
    except KeyError as error:
        raise StorageError(
            f"{address}: holds no study named '{address.study}'; restore it, or start a new search"
        ) from error
