"""The search's memory and its two verbs: `propose` a network to evaluate, `record` its result.

One Optuna study is the single record: every proposal is a trial in it, also those that were
rejected or answered from an earlier result. Only the driver asks and tells.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState

from nas.errors import StorageError
from nas.search._archive import Archive
from nas.search._evolution import ParetoEvolutionSampler, SpaceExhausted, distributions
from nas.search._samplers import make_sampler
from nas.search._storage import open_storage
from nas.trial import Cost, Evaluation, Failure, Scores

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from nas.search._problem import Candidate, Problem
    from nas.search._storage import Storage, StorageAddress
    from nas.space import Genome
    from nas.trial import State, TrialResult

RECORD = "nas"
"""The trial attribute that holds what Optuna has no field for."""
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
        """Open the study at `address`, or make it there. Raises StorageError."""
        self.problem = problem
        self.archive = Archive(problem.objectives)
        self.evaluations: dict[int, Evaluation] = {}
        self._fallback = ParetoEvolutionSampler(problem, self.archive, seed=seed, start=start)
        self._storage = open_storage(address, writer=True)
        self._study = _open_study(
            self._storage,
            address,
            problem,
            make_sampler(sampler, problem, self.archive, seed=seed, start=start),
        )
        self._distributions = distributions(problem)
        self._waiting: dict[str, list[int]] = {}
        self._orphans = list(self._restore())

    @property
    def num_evaluated(self) -> int:
        """Evaluations done, failed ones included: what the budget counts."""
        return len(self.archive.finished)

    def count(self, state: State) -> int:
        """Number of trials that ended in `state`."""
        return sum(evaluation.state == state for evaluation in self.evaluations.values())

    def propose(self, rng: random.Random) -> Proposal | None:
        """The next network to evaluate; None where the space has no new feasible one.

        Proposals that need no evaluation are settled on the way. `rng` serves when the sampler
        offers nothing else for long.
        """
        for attempt in range(MAX_FREE_PROPOSALS + 1):
            with self._storage.batch():
                try:
                    number, genome = self._next(attempt == MAX_FREE_PROPOSALS, rng)
                except SpaceExhausted:
                    return None
                proposal = self._settle(number, genome)
            if proposal is not None:
                return proposal
        raise AssertionError("the fallback proposes new feasible networks only")

    def record(self, candidate: Candidate, result: TrialResult) -> bool:
        """Take in a worker's result; True if the network is on the front now."""
        cost = candidate.cost
        assert cost is not None, "only feasible candidates are evaluated"
        arch_id = candidate.arch.id
        on_front = False
        if result.ok and result.scores is not None:
            state: State = "complete"
            on_front = self.archive.add(candidate.genome, cost, result.scores)
        else:
            state = "failed"
        evaluation = Evaluation(
            number=result.number,
            state=state,
            arch=candidate.arch,
            cost=cost,
            scores=result.scores if state == "complete" else None,
            failure=result.failure or _not_finite(result) if state == "failed" else None,
        )
        with self._storage.batch():
            self._tell(evaluation)
            self.archive.pending.pop(arch_id, None)
            self.archive.finished[arch_id] = result.number
            for number in self._waiting.pop(arch_id, []):
                self._reuse(number, candidate, evaluation)
        return on_front

    def _next(self, fall_back: bool, rng: random.Random) -> tuple[int, Genome]:
        if self._orphans:
            return self._orphans.pop(0)
        if fall_back:
            self._study.enqueue_trial(
                self.problem.space.labels(self._fallback.propose(rng)), skip_if_exists=False
            )
        trial = self._ask()
        return trial.number, self.problem.space.genome(trial.params)

    def _ask(self) -> optuna.Trial:
        try:
            return self._study.ask(self._distributions)
        except SpaceExhausted:
            # The trial was opened before its sampler gave up.
            running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            newest = max(trial.number for trial in running)
            self._study.tell(newest, state=TrialState.FAIL)
            raise

    def _settle(self, number: int, genome: Genome) -> Proposal | None:
        """Reject, reuse, or hand on for evaluation."""
        candidate = self.problem.candidate(genome)
        if candidate.reason is not None:
            failure = Failure(kind="Rejected", message=candidate.reason)
            self._tell(
                Evaluation(
                    number=number,
                    state="rejected",
                    arch=candidate.arch,
                    cost=candidate.cost,
                    failure=failure,
                )
            )
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
        self.evaluations[evaluation.number] = evaluation
        storage = self._storage.backend
        trial_id = storage.get_trial_id_from_study_id_trial_number(
            self._study._study_id, evaluation.number
        )
        storage.set_trial_user_attr(trial_id, RECORD, _to_record(evaluation))
        if evaluation.scores is None or evaluation.cost is None:
            self._study.tell(evaluation.number, state=TrialState.FAIL)
            return
        cost, scores = evaluation.cost, evaluation.scores
        values = [objective.value(cost, scores) for objective in self.problem.objectives]
        self._study.tell(evaluation.number, values, state=TrialState.COMPLETE)

    def _restore(self) -> Iterator[tuple[int, Genome]]:
        """Read the trials of an earlier run; yields those that were under way when it ended."""
        for trial in self._study.get_trials(deepcopy=False):
            if trial.state.is_finished():
                self._restore_finished(trial)
            elif len(trial.params) == len(self.problem.space.genes):
                yield trial.number, self.problem.space.genome(trial.params)
            else:
                self._study.tell(trial.number, state=TrialState.FAIL)

    def _restore_finished(self, trial: optuna.trial.FrozenTrial) -> None:
        evaluation = read_evaluation(self.problem, trial)
        if evaluation is None:
            return
        self.evaluations[trial.number] = evaluation
        if evaluation.state in ("complete", "failed"):
            self.archive.finished[evaluation.arch.id] = trial.number
        if evaluation.state == "complete":
            assert evaluation.cost is not None
            assert evaluation.scores is not None
            genome = self.problem.space.genome(trial.params)
            self.archive.add(genome, evaluation.cost, evaluation.scores)


def load_evaluations(problem: Problem, address: StorageAddress) -> tuple[Evaluation, ...]:
    """Every settled trial of a study, in order; nothing is written. Raises StorageError."""
    storage = open_storage(address, writer=False)
    try:
        study = optuna.load_study(study_name=address.study, storage=storage.backend)
    except KeyError as error:
        raise StorageError(f"{address}: holds no study named '{address.study}'") from error
    read = (read_evaluation(problem, trial) for trial in study.get_trials(deepcopy=False))
    return tuple(evaluation for evaluation in read if evaluation is not None)


def read_evaluation(problem: Problem, trial: optuna.trial.FrozenTrial) -> Evaluation | None:
    """A trial as a record; None for one that never got so far."""
    record = trial.user_attrs.get(RECORD)
    if record is None or not trial.state.is_finished():
        return None
    return Evaluation(
        number=trial.number,
        state=record["state"],
        arch=problem.space.decode(problem.space.genome(trial.params)),
        cost=Cost(**record["cost"]) if record["cost"] else None,
        scores=Scores(**record["scores"]) if record["scores"] else None,
        failure=Failure(**record["failure"]) if record["failure"] else None,
        reused_from=record["reused_from"],
    )


def _to_record(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "state": evaluation.state,
        "arch_id": evaluation.arch.id if evaluation.cost else None,
        "cost": asdict(evaluation.cost) if evaluation.cost else None,
        "scores": asdict(evaluation.scores) if evaluation.scores else None,
        "failure": asdict(evaluation.failure) if evaluation.failure else None,
        "reused_from": evaluation.reused_from,
    }


def _not_finite(result: TrialResult) -> Failure:
    return Failure(kind="NotFinite", message=f"the worker returned {result.scores}")


def _open_study(
    storage: Storage,
    address: StorageAddress,
    problem: Problem,
    sampler: optuna.samplers.BaseSampler,
) -> optuna.Study:
    with storage.batch(), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            study_name=address.study,
            storage=storage.backend,
            directions=[objective.direction for objective in problem.objectives],
            sampler=sampler,
            load_if_exists=True,
        )
        names = [objective.name for objective in problem.objectives]
        if study.metric_names != names:
            study.set_metric_names(names)
    return study
