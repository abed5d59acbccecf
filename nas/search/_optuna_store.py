"""Trials in an Optuna study: in the run folder's journal, or at any Optuna storage URL.

Each trial is one of the study's, with the space's settings as its parameters, so Optuna's tools
read it. What Optuna has no field for stands in user attributes, named here.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.errors import StorageError
from nas.search._outcomes import restored
from nas.search._storage import open_storage
from nas.search._store import Outcome, RungScore, StoredTrial, outcome_of
from nas.trial import Cost, Evaluation, Failure, Scores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nas.metrics import Metric
    from nas.search._problem import Genes, Problem, SearchProblem
    from nas.search._storage import Storage, StorageAddress
    from nas.space import Genome

OPENED = "nas.opened"
"""When the trial was opened, and the sampler's notes."""
RUNGS = "nas.rungs"
"""Scores from below full training, the cheapest rung first."""
PROMOTIONS = "nas.promotions"
"""When the candidate was promoted from each rung."""
RECORD = "nas"
"""How the trial ended."""


def distributions(space: Genes) -> dict[str, optuna.distributions.BaseDistribution]:
    """The space as Optuna sees it: one flat list of categorical parameters."""
    return {
        gene.name: optuna.distributions.CategoricalDistribution(gene.labels)
        for gene in space.genes
    }


class OptunaStore:
    """A `TrialStore` over an Optuna storage; of a journal it must be the only writer."""

    def __init__(self, problem: SearchProblem, address: StorageAddress) -> None:
        """Open the study at `address`, which `create_study` made. Raises StorageError."""
        self._problem = problem
        self._distributions = distributions(problem.space)
        self._storage = open_storage(address, writer=True)
        self._backend = self._storage.backend
        self._study_id = load_study(self._storage)._study_id
        self._reader = _Reader(problem.space)
        self._trial_ids: dict[int, int] = {}
        """By trial number."""

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Gather changes into one append, where the storage can. Raises StorageError."""
        with self._storage.batch():
            yield

    def open_trial(self, genome: Genome, *, at: int, notes: Mapping[str, Any]) -> int:
        """A new trial; returns its number."""
        template = FrozenTrial(
            number=-1,
            trial_id=-1,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=datetime.now(),
            datetime_complete=None,
            params=self._problem.space.labels(genome),
            distributions=self._distributions,
            user_attrs={OPENED: {"at": at, **({"notes": dict(notes)} if notes else {})}},
            system_attrs={},
            intermediate_values={},
        )
        trial_id = self._backend.create_new_trial(self._study_id, template_trial=template)
        number = self._backend.get_trial_number_from_id(trial_id)
        self._trial_ids[number] = trial_id
        return number

    def add_score(self, number: int, rungs: Sequence[RungScore]) -> None:
        """The last of these scores is new."""
        plain = [{**asdict(one.scores), "at": one.at} for one in rungs]
        trial_id, last = self._trial_ids[number], rungs[-1].scores
        self._backend.set_trial_user_attr(trial_id, RUNGS, plain)
        # For optuna-dashboard; `Trial.report` refuses studies with several objectives.
        self._backend.set_trial_intermediate_value(trial_id, len(rungs) - 1, last.accuracy)

    def add_promotion(self, number: int, promotions: Sequence[int]) -> None:
        """The last of these promotions is new."""
        trial_id = self._trial_ids[number]
        self._backend.set_trial_user_attr(trial_id, PROMOTIONS, list(promotions))

    def settle(self, evaluation: Evaluation, *, at: int) -> None:
        """Write how a trial ended, then close it."""
        trial_id = self._trial_ids[evaluation.number]
        outcome = outcome_of(evaluation, at=at)
        record = {**asdict(outcome), "arch_id": evaluation.arch.id if evaluation.cost else None}
        self._backend.set_trial_user_attr(trial_id, RECORD, record)
        self._close(trial_id, outcome)

    def close(self, trial: StoredTrial) -> None:
        """Close a trial whose outcome was written but which was left open."""
        assert trial.outcome is not None
        self._close(self._trial_ids[trial.number], trial.outcome)

    def read(self) -> Sequence[StoredTrial]:
        """All trials, in order of their numbers."""
        trials = self._backend.get_all_trials(self._study_id, deepcopy=False)
        self._trial_ids.update((trial.number, trial._trial_id) for trial in trials)
        return tuple(map(self._reader.stored, trials))

    def _close(self, trial_id: int, outcome: Outcome) -> None:
        cost, scores = outcome.cost, outcome.scores
        if cost is None or scores is None:
            # Neither a score nor a failure: pruned on a lower rung.
            state = TrialState.FAIL if outcome.failure else TrialState.PRUNED
            self._backend.set_trial_state_values(trial_id, state)
            return
        values = [one.value(cost, scores) for one in self._problem.objectives]
        self._backend.set_trial_state_values(trial_id, TrialState.COMPLETE, values)


class _Reader:
    """From Optuna's trials to ours."""

    def __init__(self, space: Genes) -> None:
        self._choices = [
            {(type(label), label): choice for choice, label in enumerate(gene.labels)}
            for gene in space.genes
        ]
        self._names = [gene.name for gene in space.genes]

    def stored(self, trial: FrozenTrial) -> StoredTrial:
        attributes = trial.user_attrs
        opened = attributes.get(OPENED, {})
        return StoredTrial(
            number=trial.number,
            genome=self._genome(trial.params),
            at=opened.get("at", 0),
            notes=opened.get("notes", {}),
            rungs=tuple(map(_read_score, attributes.get(RUNGS, ()))),
            promotions=tuple(attributes.get(PROMOTIONS, ())),
            outcome=_read_outcome(attributes[RECORD]) if RECORD in attributes else None,
            closed=trial.state.is_finished(),
            finished_s=trial.datetime_complete.timestamp() if trial.datetime_complete else None,
        )

    def _genome(self, labels: Mapping[str, Any]) -> Genome:
        pairs = zip(self._names, self._choices, strict=True)
        return tuple(choices[type(labels[name]), labels[name]] for name, choices in pairs)


def _read_score(plain: Mapping[str, Any]) -> RungScore:
    values = dict(plain)
    return RungScore(at=values.pop("at", 0), scores=Scores(**values))


def _read_outcome(plain: Mapping[str, Any]) -> Outcome:
    return Outcome(
        at=plain.get("at", 0),
        state=plain["state"],
        cost=Cost(**plain["cost"]) if plain["cost"] else None,
        scores=Scores(**plain["scores"]) if plain["scores"] else None,
        failure=Failure(**plain["failure"]) if plain["failure"] else None,
        duplicate_of=plain["duplicate_of"],
    )


# -- studies -----------------------------------------------------------------------------------


def create_study(address: StorageAddress, objectives: tuple[Metric, ...]) -> None:
    """Make a new, empty study. Raises StorageError, also if there is one of that name."""
    storage = open_storage(address, writer=True, create=True)
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
            "is the study's: name another folder with `out`"
        ) from error


def load_evaluations(problem: Problem, address: StorageAddress) -> tuple[Evaluation, ...]:
    """Every settled trial of a study, in order; nothing is written. Raises StorageError."""
    storage = open_storage(address, writer=False)
    with storage.batch():
        trials = load_study(storage).get_trials(deepcopy=False)
    reader = _Reader(problem.space)
    stored = (reader.stored(trial) for trial in trials if trial.user_attrs.get(RECORD))
    return tuple(restored(problem, trial) for trial in stored)


def load_study(storage: Storage) -> optuna.Study:
    """The study named in the storage's address. Raises StorageError where there is none."""
    address = storage.address
    try:
        return optuna.load_study(study_name=address.study, storage=storage.backend)
    except KeyError as error:
        raise StorageError(
            f"{address}: holds no study named '{address.study}'; restore it, or start a new search"
        ) from error
