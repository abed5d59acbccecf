"""Steady-state Pareto evolution over canonical architectures.

Each proposal is a mutated, sometimes crossed, member of the best ranks known at that moment;
there are no generations to wait for, so any number of workers stays busy. A network that was
proposed before, in whatever spelling, is not proposed again, and none that is illegal or over a
limit: both are known without training. On NAS-Bench-201 it is about as good as Optuna's
multivariate TPE with the same deduplication, and far ahead of TPE's default and of NSGA-II
(`results/nasbench201`).
"""

from __future__ import annotations

import itertools
import math
import random
from typing import TYPE_CHECKING, Any

import optuna

from nas.search._problem import mutate_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nas.search._archive import Archive
    from nas.search._problem import Problem
    from nas.space import Genome

NUM_RANDOM = 16
"""Random networks before evolution starts."""
CROSSOVER = 0.3
SECOND_RANK = 0.2
"""Share of parents taken from behind the front."""
EXTRA_MUTATION = 0.5
"""Chance of one more mutation, after each."""
TRIES = 300
MAX_LISTED = 10_000
"""Genomes of a space small enough to look at every one before saying that nothing is left."""


class SpaceExhausted(Exception):
    """No feasible network is left that was not proposed before."""


class ParetoEvolutionSampler(optuna.samplers.BaseSampler):
    """Proposes new feasible networks from the front of an `Archive`.

    Every draw depends on the seed and the trial's number alone, so that a resumed search goes
    on instead of proposing its first networks again.
    """

    def __init__(self, problem: Problem, archive: Archive, *, seed: int, start: Genome) -> None:
        """`start` is a feasible genome, for spaces in which random ones hardly ever are."""
        self._problem = problem
        self._archive = archive
        self._seed = seed
        self._start = start

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, optuna.distributions.BaseDistribution]:
        """Every gene, active or not."""
        return distributions(self._problem)

    def sample_relative(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        search_space: Mapping[str, optuna.distributions.BaseDistribution],
    ) -> dict[str, Any]:
        """One new feasible network. Raises SpaceExhausted."""
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
        for genome in self._ideas(rng):
            candidate = self._problem.candidate(genome)
            if candidate.reason is None and not self._archive.knows(candidate.arch.id):
                return genome
        raise SpaceExhausted

    def _ideas(self, rng: random.Random) -> Iterator[Genome]:
        """Genomes to try, the most promising kind first."""
        space = self._problem.space
        ways: list[Callable[[], Genome]] = [
            lambda: space.random_genome(rng),
            lambda: self._wander(rng),
        ]
        if len(self._archive.members) >= NUM_RANDOM:
            ways.insert(0, lambda: self._child(rng))
        for make in ways:
            for _ in range(TRIES):
                yield space.canonical_genome(make())
        yield from self._all_genomes()

    def _child(self, rng: random.Random) -> Genome:
        front, second = self._archive.front, self._archive.second
        parents = second if second and rng.random() < SECOND_RANK else front
        child = rng.choice(parents).genome
        if rng.random() < CROSSOVER:
            child = self._cross(child, rng.choice(parents).genome, rng)
        child = mutate_one(self._problem.space, child, rng)
        while rng.random() < EXTRA_MUTATION:
            child = mutate_one(self._problem.space, child, rng)
        return child

    def _cross(self, one: Genome, other: Genome, rng: random.Random) -> Genome:
        """Whole stages, stem or head from either parent."""
        source: dict[str, Genome] = {}
        child = []
        for number, gene in enumerate(self._problem.space.genes):
            place = ".".join(gene.name.split(".")[:2])
            parent = source.setdefault(place, rng.choice((one, other)))
            child.append(parent[number])
        return tuple(child)

    def _wander(self, rng: random.Random) -> Genome:
        """A walk from a known feasible network, for spaces that chance hardly ever hits."""
        members = self._archive.members
        place = rng.randint(0, len(members))
        genome = members[place - 1].genome if place else self._start
        for _ in range(rng.randint(1, 8)):
            genome = mutate_one(self._problem.space, genome, rng)
        return genome

    def _all_genomes(self) -> Iterator[Genome]:
        """Every canonical genome of a small space; nothing of a large one."""
        space = self._problem.space
        options = [range(len(gene.labels)) for gene in space.genes]
        if math.prod(map(len, options)) <= MAX_LISTED:
            genomes = itertools.product(*options)
            yield from (one for one in genomes if space.canonical_genome(one) == one)


def distributions(problem: Problem) -> dict[str, optuna.distributions.BaseDistribution]:
    """The space as Optuna sees it: one flat list of categorical parameters."""
    return {
        gene.name: optuna.distributions.CategoricalDistribution(gene.labels)
        for gene in problem.space.genes
    }
