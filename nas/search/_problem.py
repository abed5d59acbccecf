"""What is searched: a space, the data's shape, objectives and limits."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nas.cost import cost_of
from nas.errors import IllegalArchitecture, OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.arch import Architecture
    from nas.metrics import Limit, Metric
    from nas.space import Genome, SearchSpace
    from nas.trial import Cost

PROBE_SETTINGS = 2_000
DESCENT_STARTS = 10
"""From one start alone, the greatest cost of `lru_vgnet` was missed by a sixth."""
DESCENT_STEPS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A genome with what is known of it before training."""

    genome: Genome
    arch: Architecture
    cost: Cost | None
    """None where the network is illegal."""
    reason: str | None
    """Why it must not be trained; None for a feasible network."""
    rule: str | None = None
    """The broken rule's short name, for counting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A space and what is wanted of its networks; everything here is known before training."""

    space: SearchSpace
    input_shape: tuple[int, int, int]
    num_classes: int
    objectives: tuple[Metric, ...]
    limits: tuple[Limit, ...] = ()
    predict_us: Callable[[Architecture], int] | None = None
    """Predicts `Cost.latency_us`, where latency is an objective or limited."""
    custom: tuple[Metric, ...] = ()
    """Metrics of the user's own that are objectives or limited, and follow from the network."""

    def candidate(self, genome: Genome) -> Candidate:
        """Decode and cost a genome, and settle whether it may be trained."""
        arch = self.space.decode(genome)
        try:
            cost = cost_of(arch, input_shape=self.input_shape, num_classes=self.num_classes)
            cost = self._with_metrics(arch, cost)
        except IllegalArchitecture as error:
            return Candidate(
                genome=genome, arch=arch, cost=None, reason=str(error), rule=error.rule
            )
        for limit in self.limits:
            if limit.metric.known_before_training:
                reason = limit.complaint(limit.metric.of_cost(cost))
                if reason is not None:
                    rule = f"{limit.name} beyond the limit"
                    return Candidate(genome=genome, arch=arch, cost=cost, reason=reason, rule=rule)
        return Candidate(genome=genome, arch=arch, cost=cost, reason=None)

    def _with_metrics(self, arch: Architecture, cost: Cost) -> Cost:
        """Latency and the metrics of the user's own, where they are asked for."""
        if self.predict_us is not None:
            cost = replace(cost, latency_us=self.predict_us(arch))
        if not self.custom:
            return cost
        values = {
            metric.name: metric.computed(arch, self.input_shape, self.num_classes)
            for metric in self.custom
        }
        return replace(cost, custom=values)

    def violation(self, cost: Cost) -> float:
        """By what factor the limits are exceeded, multiplied up; 1 where all are kept."""
        excess = 1.0
        for limit in self.limits:
            if limit.metric.known_before_training:
                excess *= limit.excess(limit.metric.of_cost(cost))
        return excess


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceProbe:
    """What a look at the space costs nothing and tells before a search."""

    settings: int
    """Random settings looked at."""
    legal: int
    """Of these, networks that can be built."""
    feasible: int
    """Of these, networks within the limits."""
    reasons: tuple[tuple[str, int], ...]
    """Broken rules with their counts, most frequent first."""
    cost_ranges: tuple[tuple[str, float, float], ...]
    """Name, least and greatest value of every cost among the objectives."""
    seed: Genome | None
    """A feasible genome, if one was found."""


def probe_space(problem: Problem) -> SpaceProbe:
    """Look at random settings, then descend to the ends of each cost. The same for every run.

    Raises OptionError where nothing is open, nothing can be built for these images, or the
    limits admit no network that could be found.
    """
    rng = random.Random(0)
    space = problem.space
    if not space.is_open:
        raise OptionError(
            f"--space {space.name}: no value is open, so this is a network, not a space; "
            "`nas cost` counts it, `nas spaces` lists what can be searched"
        )
    looked = [problem.candidate(space.random_genome(rng)) for _ in range(PROBE_SETTINGS)]
    legal = [candidate for candidate in looked if candidate.cost is not None]
    _require_legal(problem, looked, legal)
    feasible = [candidate for candidate in legal if candidate.reason is None]
    seed = feasible[0].genome if feasible else _descend_to_feasible(problem, legal, rng)
    rules = Counter(candidate.rule for candidate in looked if candidate.rule is not None)
    return SpaceProbe(
        settings=len(looked),
        legal=len(legal),
        feasible=len(feasible),
        reasons=tuple(rules.most_common()),
        cost_ranges=tuple(
            (objective.name, *_range(problem, objective, legal, rng))
            for objective in problem.objectives
            if objective.known_before_training
        ),
        seed=seed,
    )


def _require_legal(problem: Problem, looked: list[Candidate], legal: list[Candidate]) -> None:
    if not legal:
        shape = "x".join(map(str, problem.input_shape))
        raise OptionError(
            f"none of {len(looked):,} random settings of {problem.space.name} describes a network "
            f"for {shape} images; for instance: {looked[-1].reason}"
        )


def _range(
    problem: Problem, metric: Metric, known: list[Candidate], rng: random.Random
) -> tuple[float, float]:
    least = _extreme(problem, metric.of_cost, known, rng)
    greatest = _extreme(problem, lambda cost: -metric.of_cost(cost), known, rng)
    return metric.of_cost(least), metric.of_cost(greatest)


def _extreme(
    problem: Problem, score: Callable[[Cost], float], known: list[Candidate], rng: random.Random
) -> Cost:
    def judge(candidate: Candidate) -> float:
        return score(_known_cost(candidate))

    starts = sorted(known, key=judge)[:DESCENT_STARTS]
    return _known_cost(min((_descend(problem, one, score, rng) for one in starts), key=judge))


def _descend(
    problem: Problem, start: Candidate, score: Callable[[Cost], float], rng: random.Random
) -> Candidate:
    """Change single genes as long as the score does not rise."""
    best = start
    for _ in range(DESCENT_STEPS):
        candidate = problem.candidate(mutate_one(problem.space, best.genome, rng))
        if candidate.cost is not None and score(candidate.cost) <= score(_known_cost(best)):
            best = candidate
    return best


def _descend_to_feasible(problem: Problem, legal: list[Candidate], rng: random.Random) -> Genome:
    def violation(candidate: Candidate) -> float:
        return problem.violation(_known_cost(candidate))

    found = []
    for start in sorted(legal, key=violation)[:DESCENT_STARTS]:
        found.append(_descend(problem, start, problem.violation, rng))
        if found[-1].reason is None:
            return found[-1].genome
    nearest = min(found, key=violation)
    raise OptionError(
        f"no network of {problem.space.name} was found within the limits; in the nearest, "
        f"{nearest.reason}: raise the limit, or search a space with smaller networks"
    )


def _known_cost(candidate: Candidate) -> Cost:
    assert candidate.cost is not None, "only legal candidates are compared"
    return candidate.cost


def mutate_one(space: SearchSpace, genome: Genome, rng: random.Random) -> Genome:
    """Change one active gene: half the time to a neighbouring option where options are ordered.

    The genome itself where nothing is left to choose.
    """
    numbers = [one for one in space.active_genes(genome) if len(space.genes[one].labels) > 1]
    if not numbers:
        return genome
    number = rng.choice(numbers)
    gene, now = space.genes[number], genome[number]
    choices = [option for option in range(len(gene.labels)) if option != now]
    if gene.ordered and rng.random() < 0.5:
        choices = [option for option in choices if abs(option - now) == 1]
    return (*genome[:number], rng.choice(choices), *genome[number + 1 :])
