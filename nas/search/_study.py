"""The search's memory and its two verbs: `propose` a network to evaluate, `record` its result.

One Optuna study is the single record: every proposal is a trial in it, also those that were
rejected or answered from an earlier result. Only the driver asks and tells.
"""

from __future__ import annotations

import random
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import optuna
from optuna.trial import TrialState

from nas.errors import StorageError
from nas.search._archive import Archive
from nas.search._evolution import ParetoEvolutionSampler, SpaceExhausted, distributions
from nas.search._record import RECORD, evaluation_of, read_evaluation, to_record
from nas.search._samplers import make_sampler
from nas.search._storage import open_storage
from nas.trial import Evaluation, Failure

if TYPE_CHECKING:
    from nas.search._problem import Candidate, Problem
    from nas.search._storage import Storage, StorageAddress
    from nas.space import Genome
    from nas.trial import Objective, State, TrialResult

MAX_FREE_PROPOSALS = 100
"""Rejected and reused proposals in a row before a new network is drawn instead."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A network to evaluate, and its trial's number."""

    number: int
    candidate: Candidate


class SearchStudy:
    """One search: its study, its sampler, and what is known of every network seen."""

    def __init__(
        self,
        problem: Problem,
        address: StorageAddress,
        *,
        sampler: str,
        seed: int,
        start: Genome,
    ) -> None:
        """Open the study at `address`, which `create_study` made. Raises StorageError."""
        self.problem = problem
        self.archive = Archive(problem.objectives)
        self.evaluations: dict[int, Evaluation] = {}
        self._counts: Counter[State] = Counter()
        self._seed = seed
        self._fallback = ParetoEvolutionSampler(problem, self.archive, seed=seed, start=start)
        self._distributions = distributions(problem)
        self._waiting: dict[str, list[int]] = {}
        self._storage = open_storage(address, writer=True)
        self._study = _load_study(self._storage)
        with self._storage.batch():
            trials = self._study.get_trials(deepcopy=False)
            self._study.sampler = make_sampler(
                sampler, problem, self.archive, seed=seed, start=start, num_trials=len(trials)
            )
            self._unfinished = self._restore(trials)

    @property
    def num_evaluated(self) -> int:
        """Evaluations done, failed ones included: what the budget counts."""
        return len(self.archive.finished)

    def count(self, state: State) -> int:
        """Number of trials that ended in `state`."""
        return self._counts[state]

    def propose(self) -> Proposal | None:
        """The next network to evaluate; None where no new feasible one is found in the space.

        Proposals that need no evaluation are settled on the way. If the sampler makes no other
        for long, evolution makes one.
        """
        if self._unfinished:
            return self._unfinished.pop(0)
        for attempt in range(MAX_FREE_PROPOSALS + 1):
            with self._storage.batch():
                try:
                    number, genome = self._ask(fall_back=attempt == MAX_FREE_PROPOSALS)
                except SpaceExhausted:
                    return None
                proposal = self._settle(number, genome)
            if proposal is not None:
                return proposal
        raise AssertionError("the fallback proposes new feasible networks only")

    def record(self, candidate: Candidate, result: TrialResult) -> bool:
        """Take in a worker's result; True if nothing known dominates the network."""
        assert candidate.cost is not None, "only feasible candidates are evaluated"
        evaluation = evaluation_of(candidate, result)
        with self._storage.batch():
            self._tell(evaluation)
            on_front = self._learn(candidate.genome, evaluation)
            for number in self._waiting.pop(candidate.arch.id, []):
                self._reuse(number, candidate, evaluation)
        return on_front

    def _ask(self, *, fall_back: bool) -> tuple[int, Genome]:
        if fall_back:
            rng = random.Random(f"{self._seed}:fall back:{len(self.evaluations)}")
            labels = self.problem.space.labels(self._fallback.propose(rng))
            self._study.enqueue_trial(labels, skip_if_exists=False)
        try:
            trial = self._study.ask(self._distributions)
        except SpaceExhausted:
            # The trial was opened before its sampler gave up.
            running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            self._give_up(max(running, key=lambda trial: trial.number))
            raise
        return trial.number, self.problem.space.genome(trial.params)

    def _settle(self, number: int, genome: Genome) -> Proposal | None:
        """Reject, reuse, or hand on for evaluation."""
        candidate = self.problem.candidate(genome)
        if candidate.reason is not None:
            self._reject(number, candidate, candidate.reason)
            return None
        arch_id = candidate.arch.id
        if (first := self.archive.finished.get(arch_id)) is not None:
            self._reuse(number, candidate, self.evaluations[first])
        elif arch_id in self.archive.pending:
            self._waiting.setdefault(arch_id, []).append(number)
        else:
            self.archive.pending[arch_id] = number
            return Proposal(number, candidate)
        return None

    def _reject(self, number: int, candidate: Candidate, reason: str) -> None:
        self._tell(
            Evaluation(
                number=number,
                state="rejected",
                arch=candidate.arch,
                cost=candidate.cost,
                failure=Failure(kind="Rejected", message=reason),
            )
        )

    def _reuse(self, number: int, candidate: Candidate, first: Evaluation) -> None:
        self._tell(
            Evaluation(
                number=number,
                state="reused",
                arch=candidate.arch,
                cost=candidate.cost,
                scores=first.scores,
                failure=first.failure,
                reused_from=first.number,
            )
        )

    def _tell(self, evaluation: Evaluation) -> None:
        """Write a trial's record, then close the trial."""
        storage = self._storage.backend
        trial_id = storage.get_trial_id_from_study_id_trial_number(
            self._study._study_id, evaluation.number
        )
        storage.set_trial_user_attr(trial_id, RECORD, to_record(evaluation))
        self._close(evaluation)
        self._note(evaluation)

    def _close(self, evaluation: Evaluation) -> None:
        cost, scores = evaluation.cost, evaluation.scores
        if cost is None or scores is None:
            self._study.tell(evaluation.number, state=TrialState.FAIL)
            return
        values = [objective.value(cost, scores) for objective in self.problem.objectives]
        self._study.tell(evaluation.number, values, state=TrialState.COMPLETE)

    def _give_up(self, trial: optuna.trial.FrozenTrial) -> None:
        """Close a trial that never became a proposal."""
        self._storage.backend.set_trial_state_values(trial._trial_id, TrialState.FAIL)

    def _note(self, evaluation: Evaluation) -> None:
        self.evaluations[evaluation.number] = evaluation
        self._counts[evaluation.state] += 1

    def _learn(self, genome: Genome, evaluation: Evaluation) -> bool:
        """Take a real evaluation into the archive."""
        arch_id = evaluation.arch.id
        self.archive.pending.pop(arch_id, None)
        self.archive.finished[arch_id] = evaluation.number
        return evaluation.state == "complete" and self.archive.add(genome, evaluation)

    # -- an earlier session's trials -----------------------------------------------------------

    def _restore(self, trials: list[optuna.trial.FrozenTrial]) -> list[Proposal]:
        """Learn from an earlier session; returns what was under way when it ended."""
        open_trials = []
        for trial in trials:
            evaluation = read_evaluation(self.problem, trial)
            if evaluation is not None:
                self._restore_settled(trial, evaluation)
            elif not trial.state.is_finished():
                open_trials.append(trial)
        proposals = [self._restore_open(trial) for trial in open_trials]
        return [proposal for proposal in proposals if proposal is not None]

    def _restore_settled(self, trial: optuna.trial.FrozenTrial, evaluation: Evaluation) -> None:
        self._note(evaluation)
        if evaluation.state in ("complete", "failed"):
            self._learn(self.problem.space.genome(trial.params), evaluation)
        if not trial.state.is_finished():
            # Killed after writing the record, before closing the trial.
            self._close(evaluation)

    def _restore_open(self, trial: optuna.trial.FrozenTrial) -> Proposal | None:
        space = self.problem.space
        if len(trial.params) < len(space.genes):
            self._give_up(trial)
            return None
        return self._settle(trial.number, space.genome(trial.params))


def create_study(address: StorageAddress, objectives: tuple[Objective, ...]) -> None:
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
        trials = _load_study(storage).get_trials(deepcopy=False)
    read = (read_evaluation(problem, trial) for trial in trials)
    return tuple(evaluation for evaluation in read if evaluation is not None)


def _load_study(storage: Storage) -> optuna.Study:
    address = storage.address
    try:
        return optuna.load_study(study_name=address.study, storage=storage.backend)
    except KeyError as error:
        raise StorageError(
            f"{address}: holds no study named '{address.study}'; restore it, or start a new search"
        ) from error
