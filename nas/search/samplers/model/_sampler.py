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
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import ThreadpoolController

from nas.pareto import non_dominated
from nas.search._problem import mutate_one
from nas.search.samplers._base import Knowledge, Sampler
from nas.search.samplers._evolution import ParetoEvolutionSampler
from nas.search.samplers.model._acquisition import (
    expected_improvement,
    improvement_of_few,
)
from nas.search.samplers.model._candidates import CandidatePool, costs, rows
from nas.search.samplers.model._error_model import LEAST_ERROR, fit_error_model
from nas.search.samplers.model._gp import Kernel
from nas.search.samplers.model._initial_design import InitialDesign

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nas.search._archive import Member
    from nas.search._problem import SearchProblem
    from nas.search.samplers.model._candidates import EncodedCandidate
    from nas.search.samplers.model._error_model import ErrorModel
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
REFIT_GROWTH, LATE_GROWTH = 1.15, 1.5
"""Length scales are fitted anew each time that so many times as many networks are trained; the
second beyond MAX_TRAINING, where they hardly change any more."""
MAX_PENDING = 300
"""Networks under evaluation that the model takes as seen: the most recent ones."""
BATCH_GROWTH = 16
"""For each so many networks chosen together, as many candidates are added as for one alone."""
REFRESHED = 16
"""Candidates whose value is computed anew at a time, in a choice of several."""
MARGIN = 0.01
"""By how many decades the costs' reference point lies beyond the most expensive network."""


class ModelBasedSampler(Sampler):
    """Proposes the new feasible network of the largest expected hypervolume improvement.

    One objective is maximised and measured (accuracy); all others are costs.
    """

    def __init__(
        self,
        problem: SearchProblem,
        known: Knowledge,
        *,
        seed: int,
        start: Genome,
        resumable: bool = False,
    ) -> None:
        """Start with nothing proposed.

        Args:
            problem: What is searched.
            known: What is known of it.
            seed: Of all random choices.
            start: A feasible genome, for spaces in which random ones hardly ever are.
            resumable: Whether a proposal follows from what the store keeps, and nothing else:
                candidates left over from the last proposal are then not looked at again.
        """
        super().__init__(problem, known, seed=seed)
        self._evolution = ParetoEvolutionSampler(problem, known, seed=seed, start=start)
        self._pool = CandidatePool(problem, known)
        self._design = InitialDesign(problem, self._pool, seed=seed, first=start)
        known_before = [one.known_before_training for one in problem.objectives]
        self._error = known_before.index(False)
        self._costs = [place for place in range(len(known_before)) if place != self._error]
        self._num_kept = 0 if resumable else NUM_KEPT
        self._kept: list[EncodedCandidate] = []
        self._ready: list[EncodedCandidate] = []
        """Chosen together with the last proposal, to be proposed next."""
        self._batch = 1
        self._kernel: Kernel | None = None
        self._pivot: float | None = None
        self._num_fitted = 0
        self._noted: int | None = None
        """Networks trained when length scales were found that no note tells of yet."""
        self._highest = np.empty(0)
        self._priced: list[Member] = []
        self._num_priced = 0
        """Of the archive's list `_priced`, how many are in `_highest`."""

    def expect(self, count: int) -> None:
        """The next `count` proposals are asked for together, and chosen together."""
        self._batch = count
        self._ready.clear()

    def notes(self, number: int) -> Mapping[str, Any]:
        """The length scales and the pivot, where they were found for this proposal."""
        if self._noted is None or self._kernel is None:
            return {}
        fitted, self._noted = self._noted, None
        vector = self._kernel.vector.tolist()
        return {"kernel": vector, "pivot": self._pivot, "fitted": fitted}

    def recall(self, number: int, genome: Genome, notes: Mapping[str, Any]) -> None:
        """Take over what an earlier session found."""
        if "kernel" in notes:
            self._kernel = Kernel.from_vector(np.array(notes["kernel"]))
            self._pivot, self._num_fitted = notes["pivot"], notes["fitted"]

    def propose(self, number: int) -> Genome:
        """A feasible genome whose network is new. Raises SpaceExhausted."""
        ready = self._pool.unseen(self._ready, set())
        if ready:
            self._ready = ready[1:]
            return ready[0].genome
        # More threads than one are no quicker, disturb the trainings, and round differently.
        with _linear_algebra().limit(limits=1, user_api="blas"):
            return self._draw(self.rng(number))

    def _draw(self, rng: random.Random) -> Genome:
        """A genome, and others in `_ready` where more are expected."""
        members = self.known.archive.members
        if len(members) < NUM_START:
            trained = [self._pool.trained(member) for member in members]
            first = self._design.next(self._pool.pending() + trained)
            chosen = [] if first is None else [first]
        else:
            chosen = self._most_promising(rng, self._batch)
        if not chosen:
            # Nothing new came up by chance; evolution looks longer, and knows when to give up.
            return self._evolution.draw(rng)
        self._ready = chosen[1:]
        return chosen[0].genome

    # -- the choice ----------------------------------------------------------------------------

    def _most_promising(self, rng: random.Random, count: int) -> list[EncodedCandidate]:
        """Of many candidates, those with the largest expected improvement one after the other."""
        score = self._scorer()
        found, values = self._candidates(rng, score, 1 + count // BATCH_GROWTH)
        if not found:
            return []
        order = _descending(values)
        chosen = order[:1].tolist() if count == 1 else score.greedy(found, values, count)
        taken = set(chosen)
        left = [found[place] for place in order if place not in taken]
        self._kept = left[: self._num_kept]
        return [found[place] for place in chosen]

    def _candidates(
        self, rng: random.Random, score: Scorer, times: int
    ) -> tuple[list[EncodedCandidate], Array]:
        """New feasible networks, `times` the usual number of them, and their values."""
        taken: set[str] = set()
        space = self.problem.space
        children = (self._evolution.child(rng) for _ in range(times * NUM_CHILDREN))
        draws = (space.random_genome(rng) for _ in range(times * NUM_DRAWS))
        found = self._pool.unseen(self._kept, taken)
        found += self._pool.new(children, taken)
        found += self._pool.new(draws, taken)
        values = score(found)
        for _ in range(ROUNDS):
            best = [found[place] for place in _descending(values)[: times * ELITE]]
            near = (mutate_one(space, one.genome, rng) for one in best for _ in range(NEIGHBOURS))
            new = self._pool.new(near, taken)
            found, values = found + new, np.concatenate([values, score(new)])
        return found, values

    def _scorer(self) -> Scorer:
        """The acquisition function as things stand."""
        model, pivot = self._model()
        pending = self._pool.pending()
        front = [self._point(member) for member in self.known.archive.front]
        if pending:
            means, _ = model.predict(rows(pending))
            known = zip(means, pending, strict=True)
            front += [np.array([mean, *one.costs]) for mean, one in known]
            model = model.fantasize(rows(pending[-MAX_PENDING:]))
        points = np.stack(front)
        reference = np.append(self._worst_error(pivot, points), self._max_costs() + MARGIN)
        return Scorer(model, points[non_dominated(points)], reference)

    def _worst_error(self, pivot: float, points: Array) -> float:
        """The log error from which a network counts: that of the user's limit, once one keeps it.

        Until then what half of random networks reach, for nothing would count.
        """
        objective = self.problem.objectives[self._error]
        least = [one.minimum for one in self.problem.limits if one.name == objective.name]
        for accuracy in least:
            worst = math.log(max(1 - (accuracy or 0.0), LEAST_ERROR))
            if points[:, 0].min() < worst:
                pivot = min(pivot, worst)
        return pivot

    def _max_costs(self) -> Array:
        """(K,) the highest costs of networks trained so far, or drawn at random."""
        members = self.known.archive.members
        if members is not self._priced:
            self._priced, self._num_priced = members, 0
        new = [self._costs_of(member) for member in members[self._num_priced :]]
        known = self._highest if self._num_priced else self._design.max_costs
        self._highest = np.max(np.stack([*new, known]), axis=0)
        self._num_priced = len(members)
        return self._highest

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
        growth = REFIT_GROWTH if len(members) <= MAX_TRAINING else LATE_GROWTH
        if len(members) < growth * self._num_fitted:
            return self._fitted(self._pivot, self._kernel), self._pivot
        model = self._fitted(self._pivot, None)
        self._kernel, self._num_fitted = model.process.kernel, len(members)
        self._noted = len(members)
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

    def greedy(self, candidates: list[EncodedCandidate], values: Array, count: int) -> list[int]:
        """Places of `count` candidates, each the best once those before are taken as seen.

        A value never grows as others are taken as seen, so old values are upper bounds, and only
        the best are computed anew ("lazy greedy": Minoux, 1978).
        """
        posterior = self.model.posterior(rows(candidates))
        means, prices, front = posterior.means, costs(candidates), self.front
        bounds, chosen = values.copy(), list[int]()
        while len(chosen) < min(count, len(candidates)):
            top = _descending(bounds)[:REFRESHED]
            top = top[bounds[top] > -np.inf]
            bounds[top] = improvement_of_few(
                means[top], posterior.deviations[top], prices[top], front, self.reference
            )
            best = int(_descending(bounds)[0])
            if best in top:
                chosen.append(best)
                bounds[best] = -np.inf
                posterior.fantasize(best)
                points = np.concatenate([front, [[means[best], *prices[best]]]])
                front = points[non_dominated(points)]
        return chosen


@cache
def _linear_algebra() -> ThreadpoolController:
    """The libraries behind NumPy and SciPy; to find them takes milliseconds."""
    return ThreadpoolController()


def _log_error(member: Member, place: int) -> float:
    """Of the accuracy, whose value to be minimised is its negative."""
    return math.log(max(1 + member.objective_vector[place], LEAST_ERROR))


def _descending(values: Array) -> NDArray[np.intp]:
    return np.argsort(-values, kind="stable")
