"""Search by a model of the error alone: what is known exactly is not guessed.

Each proposal is the network, among some hundred new feasible ones, whose training is expected to
enlarge the front's hypervolume most. Its costs are exact; its error comes from a Gaussian process
over what was trained; networks under evaluation count as if they came out as expected. The
ideas are children of the front, random networks, neighbours of the best ideas, and the best that
were left over from the last proposal. Figures: `nas bench`.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from threadpoolctl import ThreadpoolController

from nas.search._acquisition import expected_improvement
from nas.search._error_model import LEAST_ERROR, fit_error_model
from nas.search._evolution import ParetoEvolutionSampler, distributions
from nas.search._ideas import Ideas, costs, rows
from nas.search._problem import mutate_one
from nas.search._searchable import as_problem
from nas.search._start import Start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nas.search._archive import Archive, Member
    from nas.search._error_model import ErrorModel
    from nas.search._gaussian_process import Kernel
    from nas.search._ideas import Idea
    from nas.search._searchable import Searchable
    from nas.space import Genome

    Array = NDArray[np.float64]

NUM_START = 10
"""Networks trained before there is a model."""
NUM_CHILDREN, NUM_DRAWS, NUM_KEPT = 24, 8, 200
"""Ideas: children of the front, random networks, and the best of the last proposal."""
ROUNDS, ELITE, NEIGHBOURS = 2, 4, 4
"""Local search: so many times, the best ideas each get so many neighbours."""
MAX_TRAINING, MAX_FIT = 300, 150
"""Trained networks that the model knows, and those that its length scales are fitted to."""
REFIT_GROWTH = 1.15
"""Length scales are fitted anew each time that so many times as many networks are trained."""
MARGIN = 0.01
"""By how many decades the costs' reference point lies beyond the dearest network."""


class ModelBasedSampler(optuna.samplers.BaseSampler):
    """Proposes the new feasible network of the largest expected hypervolume improvement.

    One objective is maximised and measured (accuracy); all others are costs. Every draw depends
    on the seed and the trial's number alone.
    """

    def __init__(self, problem: Searchable, archive: Archive, *, seed: int, start: Genome) -> None:
        """`start` is a feasible genome, for spaces in which random ones hardly ever are."""
        self._problem = problem
        self._archive = archive
        self._seed = seed
        self._evolution = ParetoEvolutionSampler(
            as_problem(problem), archive, seed=seed, start=start
        )
        self._ideas = Ideas(problem, archive)
        self._start = Start(problem, self._ideas, seed=seed, first=start)
        known = [one.known_before_training for one in problem.objectives]
        self._error = known.index(False)
        self._costs = [place for place in range(len(known)) if place != self._error]
        self._proposed: dict[str, Idea] = {}
        self._kept: list[Idea] = []
        self._kernel: Kernel | None = None
        self._pivot: float | None = None
        self._num_fitted = 0
        self._highest = np.full(len(self._costs), -np.inf)
        self._num_priced = 0

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, optuna.distributions.BaseDistribution]:
        """Every gene, active or not."""
        return distributions(as_problem(self._problem))

    def sample_relative(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        search_space: Mapping[str, optuna.distributions.BaseDistribution],
    ) -> dict[str, Any]:
        """One new feasible network. Raises SpaceExhausted."""
        self._recall_pending(study)
        rng = random.Random(f"{self._seed}:{trial.number}")
        # More threads than one are no quicker, disturb the trainings, and round differently.
        with _linear_algebra().limit(limits=1, user_api="blas"):
            genome = self.propose(rng)
        return dict(self._problem.space.labels(genome))

    def sample_independent(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        param_name: str,
        param_distribution: optuna.distributions.BaseDistribution,
    ) -> Any:
        """Never needed: all genes are sampled together."""
        raise NotImplementedError(f"{param_name} is not a gene of the space")

    def propose(self, rng: random.Random) -> Genome:
        """A feasible genome whose network is new. Raises SpaceExhausted."""
        members = self._archive.members
        if len(members) < NUM_START:
            trained = [self._ideas.trained(member) for member in members]
            idea = self._start.next(self._pending() + trained)
        else:
            idea = self._most_promising(rng)
        if idea is None:
            # Nothing new came up by chance; evolution looks longer, and knows when to give up.
            idea = self._ideas.of(self._evolution.propose(rng))
            assert idea is not None, "evolution proposes feasible networks"
        self._proposed[idea.arch_id] = idea
        return idea.genome

    # -- networks under evaluation -------------------------------------------------------------

    def _recall_pending(self, study: optuna.Study) -> None:
        """Know the networks under evaluation, also those that an earlier session proposed."""
        pending = self._archive.pending
        for gone in [arch_id for arch_id in self._proposed if arch_id not in pending]:
            del self._proposed[gone]
        missing = [number for arch_id, number in pending.items() if arch_id not in self._proposed]
        if not missing:
            return
        trials = study.get_trials(deepcopy=False)
        for number in missing:
            idea = self._ideas.of(self._problem.space.genome(trials[number].params))
            if idea is not None:
                self._proposed[idea.arch_id] = idea

    def _pending(self) -> list[Idea]:
        known = (self._proposed.get(arch_id) for arch_id in self._archive.pending)
        return [idea for idea in known if idea is not None]

    # -- the choice ----------------------------------------------------------------------------

    def _most_promising(self, rng: random.Random) -> Idea | None:
        """Of many ideas, the one with the largest expected improvement."""
        score = self._scorer()
        known: set[str] = set()
        space = self._problem.space
        children = (self._evolution._child(rng) for _ in range(NUM_CHILDREN))
        ideas = self._ideas.unseen(self._kept, known)
        ideas += self._ideas.new(children, known)
        ideas += self._ideas.new((space.random_genome(rng) for _ in range(NUM_DRAWS)), known)
        values = score(ideas)
        for _ in range(ROUNDS):
            best = [ideas[place] for place in _descending(values)[:ELITE]]
            near = (
                mutate_one(as_problem(self._problem).space, idea.genome, rng)
                for idea in best
                for _ in range(NEIGHBOURS)
            )
            new = self._ideas.new(near, known)
            ideas, values = ideas + new, np.concatenate([values, score(new)])
        order = _descending(values)
        self._kept = [ideas[place] for place in order[1 : NUM_KEPT + 1]]
        return ideas[order[0]] if ideas else None

    def _scorer(self) -> Scorer:
        """The acquisition function as things stand."""
        model, pivot = self._model()
        members, pending = self._archive.front, self._pending()
        front = [[_log_error(member, self._error), *self._costs_of(member)] for member in members]
        if pending:
            means, _ = model.predict(rows(pending))
            front += [[mean, *idea.costs] for mean, idea in zip(means, pending, strict=True)]
            model = model.imagine(rows(pending))
        dearest = self._dearest()
        return Scorer(
            model, _non_dominated(np.array(front)), np.array([pivot, *(dearest + MARGIN)])
        )

    def _dearest(self) -> Array:
        """(K,) the highest costs of networks trained so far, or drawn at random."""
        for member in self._archive.members[self._num_priced :]:
            self._highest = np.maximum(self._highest, self._costs_of(member))
        self._num_priced = len(self._archive.members)
        return np.asarray(np.maximum(self._highest, self._start.dearest))

    def _costs_of(self, member: Member) -> list[float]:
        return [member.losses[place] for place in self._costs]

    # -- the model -----------------------------------------------------------------------------

    def _model(self) -> tuple[ErrorModel, float]:
        """The model of what was trained, and the log error above which nothing is a gain."""
        members = self._archive.members
        if self._pivot is None:
            first = [_log_error(member, self._error) for member in members[:NUM_START]]
            self._pivot = float(np.median(first))
        if len(members) < REFIT_GROWTH * self._num_fitted:
            return self._fitted(self._pivot, self._kernel), self._pivot
        model = self._fitted(self._pivot, None)
        self._kernel, self._num_fitted = model.process.kernel, len(members)
        # What half of all random networks would reach, as far as is known.
        self._pivot = float(np.median(model.predict(rows(self._start.random_ideas))[0]))
        return model, self._pivot

    def _fitted(self, pivot: float, kernel: Kernel | None) -> ErrorModel:
        chosen = self._training_set()
        return fit_error_model(
            rows([self._ideas.trained(member) for member in chosen]),
            np.exp([_log_error(member, self._error) for member in chosen]),
            self._ideas.groups,
            pivot=pivot,
            kernel=kernel,
            fit_size=MAX_FIT,
        )

    def _training_set(self) -> list[Member]:
        """At most MAX_TRAINING: half from the best two ranks, the rest the most recent."""
        members = self._archive.members
        if len(members) <= MAX_TRAINING:
            return members
        best = [*self._archive.front, *self._archive.second][: MAX_TRAINING // 2]
        numbers = {member.number for member in best}
        rest = [member for member in members[-MAX_TRAINING:] if member.number not in numbers]
        recent = rest[len(best) - MAX_TRAINING :]
        # Both kinds from the start, for length scales are fitted to the first ones.
        return [one for pair in zip(best, recent, strict=False) for one in pair] + (
            best[len(recent) :] + recent[len(best) :]
        )


@dataclass(frozen=True, slots=True)
class Scorer:
    """Expected hypervolume improvement of ideas, in log error and decades of cost."""

    model: ErrorModel
    front: Array
    reference: Array

    def __call__(self, ideas: list[Idea]) -> Array:
        """One value per idea."""
        if not ideas:
            return np.empty(0)
        means, deviations = self.model.predict(rows(ideas))
        return expected_improvement(means, deviations, costs(ideas), self.front, self.reference)


@cache
def _linear_algebra() -> ThreadpoolController:
    """The libraries behind NumPy and SciPy; to find them takes milliseconds."""
    return ThreadpoolController()


def _log_error(member: Member, place: int) -> float:
    """Of the accuracy, whose loss is its negative."""
    return math.log(max(1 + member.losses[place], LEAST_ERROR))


def _descending(values: Array) -> NDArray[np.intp]:
    return np.argsort(-values, kind="stable")


def _non_dominated(points: Array) -> Array:
    """Without the points that another one dominates; equal ones all stay."""
    below = (points[:, None] <= points[None]).all(axis=2)
    strictly = below & (points[:, None] < points[None]).any(axis=2)
    return np.asarray(points[~strictly.any(axis=0)])
