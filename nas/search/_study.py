"""The search's memory and its two verbs: `propose` a network to evaluate, `record` its result.

One Optuna study is the single record: every proposal is a trial in it, also those that were
rejected or answered from an earlier result. Only the driver asks and tells.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import optuna
from optuna.trial import TrialState

from nas.search._archive import Archive, Member, losses_of
from nas.search._evolution import ParetoEvolutionSampler, SpaceExhausted, distributions
from nas.search._ladder import Ladder
from nas.search._outlook import Outlook
from nas.search._record import (
    RECORD,
    RUNGS,
    evaluation_of,
    read_evaluation,
    read_rungs,
    to_record,
)
from nas.search._samplers import make_sampler
from nas.search._storage import open_storage
from nas.search._studies import load_study
from nas.trial import Evaluation, Failure

if TYPE_CHECKING:
    from nas.search._archive import Losses
    from nas.search._problem import Candidate, Problem
    from nas.search._storage import StorageAddress
    from nas.space import Genome
    from nas.trial import Scores, State, TrialResult

MAX_FREE_PROPOSALS = 100
"""Rejected and reused proposals in a row before a new network is drawn instead."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A network to evaluate, its trial's number, and how thoroughly to train it."""

    number: int
    candidate: Candidate
    rung: int = 0
    """Of the ladder, counted from the cheapest."""


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
        num_rungs: int = 1,
        worst: Losses = (),
    ) -> None:
        """Open the study at `address`, which `create_study` made. Raises StorageError.

        Args:
            problem: What is searched.
            address: Where the study is.
            sampler: One of `SAMPLERS`.
            seed: Of the sampler.
            start: A feasible genome, for spaces in which random ones hardly ever are.
            num_rungs: Length of the ladder of fidelities, full training included.
            worst: Losses of the worst network (`losses_of`), asked for where there is a ladder.
        """
        self.problem = problem
        self.archive = Archive(problem.objectives)
        self._ladder = Ladder(num_rungs, worst)
        self._outlook = Outlook(self.archive, self._ladder.top)
        self._climbing: dict[int, tuple[Scores, ...]] = {}
        self._paused: dict[int, Candidate] = {}
        self.evaluations: dict[int, Evaluation] = {}
        self._counts: Counter[State] = Counter()
        self._seed = seed
        self._fallback = ParetoEvolutionSampler(
            problem, self._outlook.archive, seed=seed, start=start
        )
        self._distributions = distributions(problem)
        self._waiting: dict[str, list[int]] = {}
        self._storage = open_storage(address, writer=True)
        self._study = load_study(self._storage)
        with self._storage.batch():
            trials = self._study.get_trials(deepcopy=False)
            self._study.sampler = make_sampler(
                sampler,
                problem,
                self._outlook.archive,
                seed=seed,
                start=start,
                num_trials=len(trials),
            )
            self._unfinished = self._restore(trials)

    @property
    def num_evaluated(self) -> int:
        """Evaluations done, failed ones included: what the budget counts."""
        return len(self.archive.finished)

    @property
    def num_begun(self) -> int:
        """Networks whose training has begun, on whatever rung, those evaluated included."""
        archive = self.archive
        return len(archive.finished) + len(archive.pending) + len(archive.paused)

    def count(self, state: State) -> int:
        """Number of trials that ended in `state`."""
        return self._counts[state]

    def propose_begun(self) -> Proposal | None:
        """The next network that has begun already: left under way earlier, or to be promoted."""
        if self._unfinished:
            return self._unfinished.pop(0)
        number = self._ladder.promote()
        if number is None:
            return None
        candidate = self._paused.pop(number)
        del self.archive.paused[candidate.arch.id]
        self.archive.pending[candidate.arch.id] = number
        return Proposal(number, candidate, rung=len(self._climbing[number]))

    def propose(self) -> Proposal | None:
        """The next network to evaluate; None where no new feasible one is found in the space.

        Those that have begun come first. Proposals that need no evaluation are settled on the
        way. If the sampler makes no other for long, evolution makes one.
        """
        if (begun := self.propose_begun()) is not None:
            return begun
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
        """Take in a worker's result; True if nothing known dominates the network.

        A score from below the top of the ladder is kept with the trial, which stays open.
        """
        assert candidate.cost is not None, "only feasible candidates are evaluated"
        rungs = self._climbing.get(result.number, ())
        if result.ok and len(rungs) < self._ladder.top:
            assert result.scores is not None
            self._pause(result.number, candidate, (*rungs, result.scores))
            return False
        evaluation = evaluation_of(candidate, result, rungs)
        with self._storage.batch():
            self._tell(evaluation)
            on_front = self._learn(candidate.genome, evaluation)
            self._answer_waiting(candidate, evaluation)
        return on_front

    def finish(self) -> None:
        """Close what was never promoted: nothing more is to be evaluated."""
        with self._storage.batch():
            for number, candidate in self._paused.items():
                evaluation = Evaluation(
                    number=number,
                    state="pruned",
                    arch=candidate.arch,
                    cost=candidate.cost,
                    rungs=self._climbing[number],
                )
                self._tell(evaluation)
                del self.archive.paused[candidate.arch.id]
                self.archive.finished[candidate.arch.id] = number
                self._answer_waiting(candidate, evaluation)
        self._paused.clear()

    def _pause(self, number: int, candidate: Candidate, rungs: tuple[Scores, ...]) -> None:
        """Keep a score from below the top; whether the network climbs is decided later."""
        with self._storage.batch():
            plain = [asdict(scores) for scores in rungs]
            trial_id, backend = self._trial_id(number), self._storage.backend
            backend.set_trial_user_attr(trial_id, RUNGS, plain)
            # For optuna-dashboard; `Trial.report` refuses studies with several objectives.
            backend.set_trial_intermediate_value(trial_id, len(rungs) - 1, rungs[-1].accuracy)
        self.archive.pending.pop(candidate.arch.id, None)
        self.archive.paused[candidate.arch.id] = number
        self._paused[number] = candidate
        self._climbing[number] = rungs
        self._note_rung(number, candidate, rungs)

    def _note_rung(self, number: int, candidate: Candidate, rungs: tuple[Scores, ...]) -> None:
        """Let ladder and sampler know of the last of these scores."""
        assert candidate.cost is not None, "only feasible candidates are evaluated"
        losses = losses_of(self.problem.objectives, candidate.cost, rungs[-1])
        self._ladder.add(len(rungs) - 1, number, losses)
        self._outlook.add(
            Member(
                number=number,
                arch_id=candidate.arch.id,
                genome=candidate.genome,
                losses=losses,
            )
        )

    def _answer_waiting(self, candidate: Candidate, evaluation: Evaluation) -> None:
        for number in self._waiting.pop(candidate.arch.id, []):
            self._reuse(number, candidate, evaluation)

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
        elif self.archive.knows(arch_id):
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
                state="duplicate",
                arch=candidate.arch,
                cost=candidate.cost,
                scores=first.scores,
                failure=first.failure,
                duplicate_of=first.number,
            )
        )

    def _tell(self, evaluation: Evaluation) -> None:
        """Write a trial's record, then close the trial."""
        trial_id = self._trial_id(evaluation.number)
        self._storage.backend.set_trial_user_attr(trial_id, RECORD, to_record(evaluation))
        self._close(evaluation)
        self._note(evaluation)

    def _trial_id(self, number: int) -> int:
        return self._storage.backend.get_trial_id_from_study_id_trial_number(
            self._study._study_id, number
        )

    def _close(self, evaluation: Evaluation) -> None:
        cost, scores = evaluation.cost, evaluation.scores
        if cost is None or scores is None:
            # Neither a score nor a failure: pruned on a lower rung.
            state = TrialState.FAIL if evaluation.failure else TrialState.PRUNED
            self._study.tell(evaluation.number, state=state)
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
        if evaluation.state == "failed":
            self._outlook.drop(evaluation.number)
        if evaluation.state != "complete":
            return False
        on_front = self.archive.add(genome, evaluation)
        self._outlook.add(self.archive.members[-1])
        return on_front

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
        if evaluation.state in ("complete", "failed", "pruned"):
            self._restore_rungs(trial, evaluation)
            self._learn(self.problem.space.genome(trial.params), evaluation)
        if not trial.state.is_finished():
            # Killed after writing the record, before closing the trial.
            self._close(evaluation)

    def _restore_rungs(self, trial: optuna.trial.FrozenTrial, settled: Evaluation | None) -> None:
        """Climb the ladder again as far as the trial did."""
        rungs = read_rungs(trial)
        candidate = self.problem.candidate(self.problem.space.genome(trial.params))
        for rung in range(len(rungs)):
            self._note_rung(trial.number, candidate, rungs[: rung + 1])
            if rung + 1 < len(rungs) or (settled and settled.state != "pruned"):
                self._ladder.mark_promoted(rung, trial.number)

    def _restore_open(self, trial: optuna.trial.FrozenTrial) -> Proposal | None:
        space = self.problem.space
        if len(trial.params) < len(space.genes):
            self._give_up(trial)
            return None
        if rungs := read_rungs(trial):
            candidate = self.problem.candidate(space.genome(trial.params))
            self._restore_rungs(trial, None)
            self.archive.paused[candidate.arch.id] = trial.number
            self._paused[trial.number] = candidate
            self._climbing[trial.number] = rungs
            return None
        return self._settle(trial.number, space.genome(trial.params))
