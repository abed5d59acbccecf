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
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna

from nas.search._acquisition import expected_improvement
from nas.search._encoding import Encoding
from nas.search._error_model import LEAST_ERROR, fit_error_model
from nas.search._evolution import ParetoEvolutionSampler, distributions
from nas.search._gaussian_process import Kernel, squared_distances
from nas.search._problem import mutate_one
from nas.search._searchable import as_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from nas.search._archive import Archive, Member
    from nas.search._error_model import ErrorModel
    from nas.search._searchable import Searchable
    from nas.space import Genome

    Array = NDArray[np.float64]

NUM_SPREAD = 16
"""Networks spread over the space before there is a model."""
SPREAD_DRAWS = 64
"""Random networks from which the one farthest from all others is taken."""
NUM_CHILDREN, NUM_DRAWS, NUM_KEPT = 24, 8, 200
"""Ideas: children of the front, random networks, and the best of the last proposal."""
ROUNDS, ELITE, NEIGHBOURS = 2, 4, 4
"""Local search: so many times, the best ideas each get so many neighbours."""
MAX_TRAINING, MAX_FIT = 300, 150
"""Trained networks that the model knows, and those that its length scales are fitted to."""
REFIT_GROWTH = 1.15
"""Length scales are fitted anew each time that so many times as many networks are trained."""
MAX_CACHED = 5_000
MARGIN = 0.01
"""By how many decades the costs' reference point lies beyond the dearest network trained."""


@dataclass(frozen=True, slots=True, eq=False)
class Idea:
    """A feasible network that might be proposed."""

    genome: Genome
    arch_id: str
    costs: Array
    """(K,) decimal logarithms of the objectives that are costs."""
    row: Array
    """(F,) what the model sees."""


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
        self._encoding = Encoding(problem.space.genes)
        directions = [one.direction for one in problem.objectives]
        self._error = directions.index("maximize")
        self._costs = [place for place in range(len(directions)) if place != self._error]
        self._ideas: dict[Genome, Idea | None] = {}
        self._proposed: dict[str, Idea] = {}
        self._kept: list[Idea] = []
        self._trained_ideas: dict[int, Idea] = {}
        self._kernel: Kernel | None = None
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
        return dict(self._problem.space.labels(self.propose(rng)))

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
        if len(self._archive.members) < NUM_SPREAD:
            idea = self._most_distant(rng)
        else:
            idea = self._most_promising(rng)
        if idea is None:
            # Nothing new came up by chance; evolution looks longer, and knows when to give up.
            idea = self._idea(self._evolution.propose(rng))
            assert idea is not None, "evolution proposes feasible networks"
        self._proposed[idea.arch_id] = idea
        return idea.genome

    # -- networks ------------------------------------------------------------------------------

    def _idea(self, genome: Genome) -> Idea | None:
        """A genome as an idea; None where its network must not be trained."""
        genome = self._problem.space.canonical_genome(genome)
        if genome not in self._ideas:
            if len(self._ideas) >= MAX_CACHED:
                del self._ideas[next(iter(self._ideas))]
            self._ideas[genome] = self._new_idea(genome)
        return self._ideas[genome]

    def _new_idea(self, genome: Genome) -> Idea | None:
        candidate = self._problem.candidate(genome)
        if candidate.reason is not None:
            return None
        cost, space = candidate.cost, self._problem.space
        assert cost is not None, "a feasible network has costs"
        names = [self._problem.objectives[place].name for place in self._costs]
        return Idea(
            genome=genome,
            arch_id=candidate.arch.id,
            costs=np.array([math.log10(max(getattr(cost, name), 1)) for name in names]),
            row=self._encoding.row(genome, space.active_genes(genome), cost),
        )

    def _new_ideas(self, genomes: Iterable[Genome], known: set[str]) -> list[Idea]:
        """Feasible networks never proposed and not in `known`, to which they are added."""
        feasible = (idea for idea in map(self._idea, genomes) if idea is not None)
        return self._unseen(feasible, known)

    def _unseen(self, ideas: Iterable[Idea], known: set[str]) -> list[Idea]:
        found = []
        for idea in ideas:
            if idea.arch_id not in known and not self._archive.knows(idea.arch_id):
                known.add(idea.arch_id)
                found.append(idea)
        return found

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
            idea = self._idea(self._problem.space.genome(trials[number].params))
            if idea is not None:
                self._proposed[idea.arch_id] = idea

    def _pending(self) -> list[Idea]:
        known = (self._proposed.get(arch_id) for arch_id in self._archive.pending)
        return [idea for idea in known if idea is not None]

    # -- before there is a model ---------------------------------------------------------------

    def _most_distant(self, rng: random.Random) -> Idea | None:
        """Of some random networks, the one least like those already chosen."""
        space = self._problem.space
        ideas = self._new_ideas((space.random_genome(rng) for _ in range(SPREAD_DRAWS)), set())
        chosen = self._pending() + [self._trained(member) for member in self._archive.members]
        if not ideas or not chosen:
            return ideas[0] if ideas else None
        distances = squared_distances(self._scaled(ideas), self._scaled(chosen)).min(axis=1)
        return ideas[int(distances.argmax())]

    def _scaled(self, ideas: list[Idea]) -> Array:
        groups = self._encoding.groups
        return Kernel.prior(int(groups.max()) + 1).scaled(_rows(ideas), groups)

    def _trained(self, member: Member) -> Idea:
        if member.number not in self._trained_ideas:
            idea = self._idea(member.genome)
            assert idea is not None, "only feasible networks are trained"
            self._trained_ideas[member.number] = idea
        return self._trained_ideas[member.number]

    # -- with a model --------------------------------------------------------------------------

    def _most_promising(self, rng: random.Random) -> Idea | None:
        """Of many ideas, the one with the largest expected improvement."""
        score = self._scorer()
        known: set[str] = set()
        space = self._problem.space
        ideas = self._unseen(self._kept, known)
        ideas += self._new_ideas((self._evolution._child(rng) for _ in range(NUM_CHILDREN)), known)
        ideas += self._new_ideas((space.random_genome(rng) for _ in range(NUM_DRAWS)), known)
        values = score(ideas)
        for _ in range(ROUNDS):
            best = [ideas[place] for place in _descending(values)[:ELITE]]
            near = (
                mutate_one(as_problem(self._problem).space, idea.genome, rng)
                for idea in best
                for _ in range(NEIGHBOURS)
            )
            new = self._new_ideas(near, known)
            ideas, values = ideas + new, np.concatenate([values, score(new)])
        order = _descending(values)
        self._kept = [ideas[place] for place in order[1 : NUM_KEPT + 1]]
        return ideas[order[0]] if ideas else None

    def _scorer(self) -> Scorer:
        """The acquisition function as things stand."""
        pivot, model = self._model()
        members, pending = self._archive.front, self._pending()
        front = [[_log_error(member, self._error), *self._costs_of(member)] for member in members]
        if pending:
            means, _ = model.predict(_rows(pending))
            front += [[mean, *idea.costs] for mean, idea in zip(means, pending, strict=True)]
            model = model.imagine(_rows(pending))
        dearest = self._dearest()
        return Scorer(
            model, _non_dominated(np.array(front)), np.array([pivot, *(dearest + MARGIN)])
        )

    def _dearest(self) -> Array:
        """(K,) the highest costs trained so far."""
        for member in self._archive.members[self._num_priced :]:
            self._highest = np.maximum(self._highest, self._costs_of(member))
        self._num_priced = len(self._archive.members)
        return self._highest

    def _costs_of(self, member: Member) -> list[float]:
        return [member.losses[place] for place in self._costs]

    def _model(self) -> tuple[float, ErrorModel]:
        """The reference error's logarithm, and the model of what was trained.

        Only errors below those of networks chosen without a model, at their median, are gains.
        """
        members = self._archive.members
        first = [_log_error(member, self._error) for member in members[:NUM_SPREAD]]
        pivot = float(np.median(first))
        chosen = self._training_set()
        if len(members) >= REFIT_GROWTH * self._num_fitted:
            self._kernel, self._num_fitted = None, len(members)
        model = fit_error_model(
            _rows([self._trained(member) for member in chosen]),
            np.exp([_log_error(member, self._error) for member in chosen]),
            self._encoding.groups,
            pivot=pivot,
            kernel=self._kernel,
            fit_size=MAX_FIT,
        )
        self._kernel = model.process.kernel
        return pivot, model

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
        means, deviations = self.model.predict(_rows(ideas))
        costs = np.stack([idea.costs for idea in ideas])
        return expected_improvement(means, deviations, costs, self.front, self.reference)


def _rows(ideas: list[Idea]) -> Array:
    return np.stack([idea.row for idea in ideas])


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
