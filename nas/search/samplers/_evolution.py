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
from typing import TYPE_CHECKING

from nas.search._problem import mutate_one
from nas.search.samplers._base import Knowledge, Sampler, SpaceExhausted

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from nas.search._problem import SearchProblem
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


class ParetoEvolutionSampler(Sampler):
    """Proposes new feasible networks: children of the front and of the rank behind it."""

    def __init__(
        self, problem: SearchProblem, known: Knowledge, *, seed: int, start: Genome
    ) -> None:
        """`start` is a feasible genome, for spaces in which random ones hardly ever are."""
        super().__init__(problem, known, seed=seed)
        self._start = start

    def propose(self, number: int) -> Genome:
        """A feasible genome whose network is new. Raises SpaceExhausted."""
        return self.draw(self.rng(number))

    def draw(self, rng: random.Random) -> Genome:
        """The same, with these random numbers."""
        for genome in self._attempts(rng):
            candidate = self.problem.candidate(genome)
            if candidate.reason is None and not self.known.knows(candidate.arch.id):
                return genome
        raise SpaceExhausted

    def child(self, rng: random.Random) -> Genome:
        """A changed member of the best ranks; it may be known, or infeasible."""
        front, second = self.known.archive.front, self.known.archive.second
        parents = second if second and rng.random() < SECOND_RANK else front
        child = rng.choice(parents).genome
        if rng.random() < CROSSOVER:
            child = self._cross(child, rng.choice(parents).genome, rng)
        child = mutate_one(self.problem.space, child, rng)
        while rng.random() < EXTRA_MUTATION:
            child = mutate_one(self.problem.space, child, rng)
        return child

    def _attempts(self, rng: random.Random) -> Iterator[Genome]:
        """Genomes to try, the most promising kind first."""
        space = self.problem.space
        ways: list[Callable[[], Genome]] = [
            lambda: space.random_genome(rng),
            lambda: self._walk(rng),
        ]
        if len(self.known.archive.members) >= NUM_RANDOM:
            ways.insert(0, lambda: self.child(rng))
        for make in ways:
            for _ in range(TRIES):
                yield space.canonical_genome(make())
        yield from self._all_genomes()

    def _cross(self, one: Genome, other: Genome, rng: random.Random) -> Genome:
        """Whole stages, stem or head from either parent."""
        source: dict[str, Genome] = {}
        child = []
        for number, gene in enumerate(self.problem.space.genes):
            place = ".".join(gene.name.split(".")[:2])
            parent = source.setdefault(place, rng.choice((one, other)))
            child.append(parent[number])
        return tuple(child)

    def _walk(self, rng: random.Random) -> Genome:
        """Some changes away from a feasible network, for spaces that chance hardly ever hits."""
        members = self.known.archive.members
        place = rng.randint(0, len(members))
        genome = members[place - 1].genome if place else self._start
        for _ in range(rng.randint(1, 8)):
            genome = mutate_one(self.problem.space, genome, rng)
        return genome

    def _all_genomes(self) -> Iterator[Genome]:
        """Every canonical genome of a small space; nothing of a large one."""
        space = self.problem.space
        options = [range(len(gene.labels)) for gene in space.genes]
        if math.prod(map(len, options)) <= MAX_LISTED:
            genomes = itertools.product(*options)
            yield from (one for one in genomes if space.canonical_genome(one) == one)
