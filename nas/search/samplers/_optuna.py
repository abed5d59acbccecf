"""Optuna's samplers behind our interface, each with a study of its own in memory."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState

from nas.search._fields import distributions
from nas.search.samplers._base import Knowledge, Sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nas.metrics import Direction
    from nas.search._problem import SearchProblem
    from nas.space import Genome

ASKED = "asked"
"""The note that Optuna proposed a trial, and nobody in its place."""
GENERATION = ":generation"
"""How the attribute ends in which Optuna's genetic samplers keep a trial's generation."""


class OptunaSampler(Sampler):
    """Asks an Optuna sampler and tells it every trial of the search, whoever proposed it."""

    finds_new = False

    def __init__(
        self,
        problem: SearchProblem,
        known: Knowledge,
        *,
        seed: int,
        make: Callable[[int], optuna.samplers.BaseSampler],
        resumable: bool = False,
    ) -> None:
        """`make` gives the Optuna sampler for a seed.

        `resumable`: each proposal has a sampler of its own, seeded by the trial's number, and an
        earlier session's proposals are made once more, for Optuna keeps some of its state apart.
        """
        super().__init__(problem, known, seed=seed)
        self._make = make
        self._resumable = resumable
        self._distributions = distributions(problem.space)
        self._study = _quiet_study([one.direction for one in problem.objectives], make(seed))
        self._asked: dict[int, tuple[int, Genome]] = {}
        """By trial of the search: the trial of our study, and what it proposed."""

    def propose(self, number: int) -> Genome:
        """Whatever Optuna proposes: known, infeasible, or new."""
        if self._resumable:
            self._study.sampler = self._make_for(number)
        trial = self._study.ask(self._distributions)
        genome = self.problem.space.genome(trial.params)
        self._asked[number] = (trial.number, self._canonical(genome))
        return genome

    def tell(self, number: int, genome: Genome, values: tuple[float, ...] | None) -> None:
        """Tell the trial that was asked for, or add one that was not."""
        asked, proposed = self._asked.pop(number, (None, None))
        if asked is None or proposed != self._canonical(genome):
            self._add(genome, values, {})
        elif values is None:
            self._study.tell(asked, state=TrialState.FAIL)
        else:
            self._study.tell(asked, values)

    def notes(self, number: int) -> Mapping[str, Any]:
        """The generation, where the sampler is a genetic one; whether it was asked at all."""
        if number not in self._asked:
            return {}
        if self._resumable:
            return {ASKED: True}
        asked, _ = self._asked[number]
        attributes = self._study.get_trials(deepcopy=False)[asked].system_attrs
        return {key: value for key, value in attributes.items() if key.endswith(GENERATION)}

    def recall(self, number: int, genome: Genome, notes: Mapping[str, Any]) -> None:
        """Have an earlier session's trial running again, and draw other numbers than it did.

        In a resumable search it is asked for again, unless it was evolution's.
        """
        if self._resumable:
            if ASKED in notes:
                self.propose(number)
            return
        trial = self._add(genome, None, notes, TrialState.RUNNING)
        self._asked[number] = (trial, self._canonical(genome))
        self._study.sampler = self._make_for(number)

    def _make_for(self, number: int) -> optuna.samplers.BaseSampler:
        return self._make(self.rng(number).getrandbits(32))

    def _canonical(self, genome: Genome) -> Genome:
        """As a store keeps it: what makes no difference is left out."""
        return self.problem.space.canonical_genome(genome)

    def _add(
        self,
        genome: Genome,
        values: tuple[float, ...] | None,
        attributes: Mapping[str, Any],
        state: TrialState | None = None,
    ) -> int:
        """Put a trial into our study; returns its number there."""
        if state is None:
            state = TrialState.FAIL if values is None else TrialState.COMPLETE
        self._study.add_trial(
            optuna.trial.create_trial(
                state=state,
                params=self.problem.space.labels(self._canonical(genome)),
                distributions=self._distributions,
                values=values,
                system_attrs=dict(attributes),
            )
        )
        return len(self._study.get_trials(deepcopy=False)) - 1


def _quiet_study(
    directions: list[Direction], sampler: optuna.samplers.BaseSampler
) -> optuna.Study:
    """A study in memory, without the line that Optuna logs for each."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(directions=directions, sampler=sampler)
    finally:
        optuna.logging.set_verbosity(level)


def make_tpe(seed: int, *, multivariate: bool | None) -> optuna.samplers.BaseSampler:
    """Optuna's TPE; None leaves the choice to Optuna, as its default does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=seed, multivariate=multivariate)


def make_nsga2(seed: int, *, population: int) -> optuna.samplers.BaseSampler:
    """Optuna's NSGA-II with this many networks a generation."""
    return optuna.samplers.NSGAIISampler(seed=seed, population_size=population)


def make_random(seed: int) -> optuna.samplers.BaseSampler:
    """Optuna's random sampler."""
    return optuna.samplers.RandomSampler(seed=seed)
