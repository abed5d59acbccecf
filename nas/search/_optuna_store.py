"""Trials in an Optuna study at any Optuna storage URL, through Optuna's own storage."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages import get_storage
from optuna.trial import FrozenTrial, TrialState

from nas.search._database_lock import DatabaseLock
from nas.search._fields import (
    DRIVER,
    OPENED,
    PROMOTIONS,
    RECORD,
    RUNGS,
    Opened,
    distributions,
    end_of,
    read_attributes,
    written_scores,
)
from nas.search._patient import patient
from nas.search._storage import no_study, open_database, study_errors
from nas.search._store import DamagedStudy, StoredTrial, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nas.search._problem import Genes, SearchProblem
    from nas.search._storage import StorageAddress
    from nas.search._store import Outcome, RungScore
    from nas.space import Genome
    from nas.trial import Evaluation


CLOSED = ("closed",)
"""What is known of a trial that changes no more."""


class OptunaStore:
    """A `TrialStore` over an Optuna storage, each change a transaction of its own."""

    def __init__(
        self,
        problem: SearchProblem,
        address: StorageAddress,
        *,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Open the study at `address`, which `create_study` made. Raises StorageError.

        Later a database may be away for five minutes, of which `note` hears; after that the
        methods raise OutageError.
        """
        self._problem = problem
        self._distributions = distributions(problem.space)
        self._address = address
        url = address.url or ""
        self._backend = patient(get_storage(open_database(address)), url, note)
        self._lock = patient(DatabaseLock(url, address.study, note=note), url, note)
        self._study_id = load_study(address, self._backend)._study_id
        self._reader = TrialReader(problem.space)
        self._trial_ids: dict[int, int] = {}
        """By trial number."""
        self._known: dict[int, tuple[object, ...]] = {}
        """What changes with a trial, as it was read last, by number."""
        self._in_batch = False
        self.driver = ""

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Keep other drivers out; nothing is gathered. Raises StorageError."""
        if self._in_batch:
            yield
            return
        with study_errors(self._address):
            self._lock.acquire()
            self._in_batch = True
            try:
                yield
            finally:
                self._in_batch = False
                self._lock.release()

    def open_trial(self, genome: Genome, *, at: int, notes: Mapping[str, Any]) -> int:
        """A new trial; returns its number."""
        space = self._problem.space
        active = {space.genes[gene].name for gene in space.active_genes(genome)}
        labels = {name: one for name, one in space.labels(genome).items() if name in active}
        template = FrozenTrial(
            number=-1,
            trial_id=-1,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=datetime.now(),
            datetime_complete=None,
            params=labels,
            distributions={name: self._distributions[name] for name in labels},
            user_attrs={
                OPENED: Opened(at=at, notes=dict(notes)).to_plain(),
                **({DRIVER: self.driver} if self.driver else {}),
            },
            system_attrs={},
            intermediate_values={},
        )
        trial_id = self._backend.create_new_trial(self._study_id, template_trial=template)
        number = self._backend.get_trial_number_from_id(trial_id)
        self._trial_ids[number] = trial_id
        return number

    def add_score(self, number: int, rungs: Sequence[RungScore]) -> None:
        """The last of these scores is new."""
        trial_id, last = self._trial_ids[number], rungs[-1].scores
        self._backend.set_trial_user_attr(trial_id, RUNGS, written_scores(rungs))
        # For optuna-dashboard; `Trial.report` refuses studies with several objectives.
        self._backend.set_trial_intermediate_value(trial_id, len(rungs) - 1, last.accuracy)

    def add_promotion(self, number: int, promotions: Sequence[int]) -> None:
        """The last of these promotions is new."""
        trial_id = self._trial_ids[number]
        self._backend.set_trial_user_attr(trial_id, PROMOTIONS, list(promotions))
        if self.driver:
            self.take_over(number)

    def settle(self, evaluation: Evaluation, *, at: int) -> None:
        """Write how a trial ended, then close it."""
        trial_id = self._trial_ids[evaluation.number]
        outcome = outcome_of(evaluation, at=at)
        self._backend.set_trial_user_attr(trial_id, RECORD, asdict(outcome))
        self._close(trial_id, outcome)

    def close(self, trial: StoredTrial) -> None:
        """Close a trial whose outcome was written but which was left open."""
        assert trial.outcome is not None
        self._close(self._trial_ids[trial.number], trial.outcome)

    def read(self) -> Sequence[StoredTrial]:
        """All trials, in order of their numbers."""
        self._known.clear()
        return self.changes()

    # -- several drivers -----------------------------------------------------------------------

    def take_over(self, number: int) -> None:
        """This driver evaluates the trial now."""
        self._backend.set_trial_user_attr(self._trial_ids[number], DRIVER, self.driver)

    def changes(self) -> Sequence[StoredTrial]:
        """Trials that changed since the last call."""
        trials = self._backend.get_all_trials(self._study_id, deepcopy=False)
        self._trial_ids.update((trial.number, trial._trial_id) for trial in trials)
        open_or_new = [one for one in trials if self._known.get(one.number) != CLOSED]
        changed = [one for one in open_or_new if self._is_news(one)]
        return tuple(map(self._reader.stored, changed))

    def beat(self, at_s: float) -> None:
        """This driver is alive at `at_s`."""
        with study_errors(self._address):
            name = f"{DRIVER}.{self.driver}"
            self._backend.set_study_user_attr(self._study_id, name, at_s)

    def beats(self) -> Mapping[str, float]:
        """The last sign of life of each driver."""
        attributes = self._backend.get_study_user_attrs(self._study_id)
        prefix = f"{DRIVER}."
        return {
            name.removeprefix(prefix): at_s
            for name, at_s in attributes.items()
            if name.startswith(prefix)
        }

    def _close(self, trial_id: int, outcome: Outcome) -> None:
        state, values = end_of(self._problem.objectives, outcome)
        self._backend.set_trial_state_values(trial_id, state, values)

    def _is_news(self, trial: FrozenTrial) -> bool:
        before, now = self._known.get(trial.number), _what_changes(trial)
        self._known[trial.number] = now
        return before != now


def _what_changes(trial: FrozenTrial) -> tuple[object, ...]:
    if trial.state.is_finished():
        return CLOSED
    attributes = trial.user_attrs
    lengths = (len(attributes.get(name, ())) for name in (RUNGS, PROMOTIONS))
    return (RECORD in attributes, attributes.get(DRIVER), *lengths)


class TrialReader:
    """From Optuna's trials to ours."""

    def __init__(self, space: Genes) -> None:
        self._choices = [
            {(type(label), label): choice for choice, label in enumerate(gene.labels)}
            for gene in space.genes
        ]
        self._names = [gene.name for gene in space.genes]

    def stored(self, trial: FrozenTrial) -> StoredTrial:
        """One of Optuna's trials as ours. Raises DamagedStudy."""
        ended = trial.datetime_complete
        try:
            return StoredTrial(
                number=trial.number,
                genome=self._genome(trial.params),
                closed=trial.state.is_finished(),
                finished_s=ended.timestamp() if ended else None,
                **{"at": 0, **read_attributes(trial.user_attrs)},
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise DamagedStudy(f"trial {trial.number}: {error}") from error

    def _genome(self, labels: Mapping[str, Any]) -> Genome:
        """Genes that are not among the labels make no difference: their first option."""
        pairs = zip(self._names, self._choices, strict=True)
        return tuple(
            choices[type(labels[name]), labels[name]] if name in labels else 0
            for name, choices in pairs
        )


def load_study(address: StorageAddress, backend: optuna.storages.BaseStorage) -> optuna.Study:
    """The study named in the address. Raises StorageError where there is none."""
    try:
        return optuna.load_study(study_name=address.study, storage=backend)
    except KeyError as error:
        raise no_study(address) from error


def read_trials(problem: SearchProblem, address: StorageAddress) -> tuple[StoredTrial, ...]:
    """All trials of a study, in order; nothing is written. Raises StorageError."""
    with study_errors(address):
        study = load_study(address, open_database(address))
        trials = study.get_trials(deepcopy=False)
        return tuple(map(TrialReader(problem.space).stored, trials))
