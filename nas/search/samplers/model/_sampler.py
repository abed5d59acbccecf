"""Search by a model of the error alone: what is known exactly is not guessed.

Each proposal is the network, among some hundred new feasible ones, whose training is expected to
enlarge the front's hypervolume most. Its costs are exact; its error comes from a Gaussian process
over what was trained; networks under evaluation count as if they had come out as predicted. The
candidates are children of the front, random networks, neighbours of the best candidates, and the
best that were left over from the last proposal. Figures: `nas bench`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import ThreadpoolController

from nas.pareto import non_dominated
from nas.search._problem import mutate_one
from nas.search.samplers._base import Knowledge, Sampler
from nas.search.samplers._evolution import ParetoEvolutionSampler
from nas.search.samplers.model._acquisition import expected_improvement
from nas.search.samplers.model._candidates import CandidatePool, costs, rows
from nas.search.samplers.model._error_model import LEAST_ERROR, fit_error_model
from nas.search.samplers.model._initial_design import InitialDesign

if TYPE_CHECKING:
    import random

    from numpy.typing import NDArray

    from nas.search._archive import Member
    from nas.search._problem import SearchProblem
    from nas.search.samplers.model._candidates import EncodedCandidate
    from nas.search.samplers.model._error_model import ErrorModel
    from nas.search.samplers.model._gp import Kernel
    from nas.space import Genome

    Array = NDArray[np.float64]

NUM_START = 10
"""Networks trained before there is a model."""
NUM_CHILDREN, NUM_DRAWS, NUM_KEPT = 24, 8, 200
"""Candidates: children of the front, random networks, and the best of the last proposal."""
ROUNDS, ELITE, NEIGHBOURS = 2, 4, 4
"""Local search: so many times, the best candidates each get so many neighbours."""
MAX_TRAINING, MAX_FIT = 300, 150
"""Trained networks that the model knows, and those that its length scales are fitted to."""
REFIT_GROWTH = 1.15
"""Length scales are fitted anew each time that so many times as many networks are trained."""
MARGIN = 0.01
"""By how many decades the costs' reference point lies beyond the most expensive network."""


class ModelBasedSampler(Sampler):
    """Proposes the new feasible network of the largest expected hypervolume improvement.

    One objective is maximised and measured (accuracy); all others are costs.
    """

    def __init__(
        self, problem: SearchProblem, known: Knowledge, *, seed: int, start: Genome
    ) -> None:
        """`start` is a feasible genome, for spaces in which random ones hardly ever are."""
        super().__init__(problem, known, seed=seed)
        self._evolution = ParetoEvolutionSampler(problem, known, seed=seed, start=start)
        self._pool = CandidatePool(problem, known)
        self._design = InitialDesign(problem, self._pool, seed=seed, first=start)
        known_before = [one.known_before_training for one in problem.objectives]
        self._error = known_before.index(False)
        self._costs = [place for place in range(len(known_before)) if place != self._error]
        self._kept: list[EncodedCandidate] = []
        self._kernel: Kernel | None = None
        self._pivot: float | None = None
        self._num_fitted = 0

    def propose(self, number: int) -> Genome:
        """A feasible genome whose network is new. Raises SpaceExhausted."""
        # More threads than one are no quicker, disturb the trainings, and round differently.
        with _linear_algebra().limit(limits=1, user_api="blas"):
            return self.draw(self.rng(number))

    def draw(self, rng: random.Random) -> Genome:
        """The same, with these random numbers."""
        members = self.known.archive.members
        if len(members) < NUM_START:
            trained = [self._pool.trained(member) for member in members]
            chosen = self._design.next(self._pending() + trained)
        else:
            chosen = self._most_promising(rng)
        # Where nothing new came up by chance, evolution looks longer, and knows when to give up.
        return self._evolution.draw(rng) if chosen is None else chosen.genome

    def _pending(self) -> list[EncodedCandidate]:
        """Networks under evaluation."""
        genomes = [entry.candidate.genome for entry in self.known.pending.values()]
        return [one for one in map(self._pool.of, genomes) if one is not None]

    # -- the choice ----------------------------------------------------------------------------

    def _most_promising(self, rng: random.Random) -> EncodedCandidate | None:
        """Of many candidates, the one with the largest expected improvement."""
        score = self._scorer()
        taken: set[str] = set()
        space = self.problem.space
        children = (self._evolution.child(rng) for _ in range(NUM_CHILDREN))
        found = self._pool.unseen(self._kept, taken)
        found += self._pool.new(children, taken)
        found += self._pool.new((space.random_genome(rng) for _ in range(NUM_DRAWS)), taken)
        values = score(found)
        for _ in range(ROUNDS):
            best = [found[place] for place in _descending(values)[:ELITE]]
            near = (mutate_one(space, one.genome, rng) for one in best for _ in range(NEIGHBOURS))
            new = self._pool.new(near, taken)
            found, values = found + new, np.concatenate([values, score(new)])
        order = _descending(values)
        self._kept = [found[place] for place in order[1 : NUM_KEPT + 1]]
        return found[order[0]] if found else None

    def _scorer(self) -> Scorer:
        """The acquisition function as things stand."""
        model, pivot = self._model()
        pending = self._pending()
        front = [self._point(member) for member in self.known.archive.front]
        if pending:
            means, _ = model.predict(rows(pending))
            known = zip(means, pending, strict=True)
            front += [np.array([mean, *one.costs]) for mean, one in known]
            model = model.fantasize(rows(pending))
        points = np.stack(front)
        reference = np.append(pivot, self._max_costs() + MARGIN)
        return Scorer(model, points[non_dominated(points)], reference)

    def _max_costs(self) -> Array:
        """(K,) the highest costs of networks trained so far, or drawn at random."""
        trained = [self._costs_of(member) for member in self.known.archive.members]
        return np.asarray(np.max(np.stack([*trained, self._design.max_costs]), axis=0))

    def _point(self, member: Member) -> Array:
        """(1 + K,) a trained network's log error and costs."""
        return np.array([_log_error(member, self._error), *self._costs_of(member)])

    def _costs_of(self, member: Member) -> Array:
        return np.array([member.objective_vector[place] for place in self._costs])

    # -- the model -----------------------------------------------------------------------------

    def _model(self) -> tuple[ErrorModel, float]:
        """The model of what was trained, and the log error from which a network counts."""
        members = self.known.archive.members
        if self._pivot is None:
            first = [_log_error(member, self._error) for member in members[:NUM_START]]
            self._pivot = float(np.median(first))
        if len(members) < REFIT_GROWTH * self._num_fitted:
            return self._fitted(self._pivot, self._kernel), self._pivot
        model = self._fitted(self._pivot, None)
        self._kernel, self._num_fitted = model.process.kernel, len(members)
        # What half of all random networks would reach, as far as is known.
        self._pivot = float(np.median(model.predict(rows(self._design.random_candidates))[0]))
        return model, self._pivot

    def _fitted(self, pivot: float, kernel: Kernel | None) -> ErrorModel:
        chosen = self._training_set()
        return fit_error_model(
            rows([self._pool.trained(member) for member in chosen]),
            np.exp([_log_error(member, self._error) for member in chosen]),
            self._pool.groups,
            pivot=pivot,
            kernel=kernel,
            fit_size=MAX_FIT,
        )

    def _training_set(self) -> list[Member]:
        """At most MAX_TRAINING: half from the best two ranks, the rest the most recent."""
        archive = self.known.archive
        members = archive.members
        if len(members) <= MAX_TRAINING:
            return members
        best = [*archive.front, *archive.second][: MAX_TRAINING // 2]
        numbers = {member.number for member in best}
        rest = [member for member in members[-MAX_TRAINING:] if member.number not in numbers]
        recent = rest[len(best) - MAX_TRAINING :]
        # Both kinds from the start, for length scales are fitted to the first ones.
        return [one for pair in zip(best, recent, strict=False) for one in pair] + (
            best[len(recent) :] + recent[len(best) :]
        )


@dataclass(frozen=True, slots=True)
class Scorer:
    """Expected hypervolume improvement of candidates, in log error and decades of cost."""

    model: ErrorModel
    front: Array
    reference: Array

    def __call__(self, candidates: list[EncodedCandidate]) -> Array:
        """One value per candidate."""
        if not candidates:
            return np.empty(0)
        means, deviations = self.model.predict(rows(candidates))
        return expected_improvement(
            means, deviations, costs(candidates), self.front, self.reference
        )


@cache
def _linear_algebra() -> ThreadpoolController:
    """The libraries behind NumPy and SciPy; to find them takes milliseconds."""
    return ThreadpoolController()


def _log_error(member: Member, place: int) -> float:
    """Of the accuracy, whose value to be minimised is its negative."""
    return math.log(max(1 + member.objective_vector[place], LEAST_ERROR))


def _descending(values: Array) -> NDArray[np.intp]:
    return np.argsort(-values, kind="stable")
