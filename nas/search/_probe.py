"""A look at a space before a search: what can be built, what it costs, where to start."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.search._problem import mutate_one
from nas.space import impossible_choices

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.metrics import Metric
    from nas.search._problem import Candidate, Problem
    from nas.space import Genome
    from nas.trial import Cost

PROBE_SETTINGS = 2_000
DESCENT_STARTS = 10
"""From one start alone, the greatest cost of `lru_vgnet` was missed by a sixth."""
DESCENT_STEPS = 300


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
    impossible: tuple[str, ...] = ()
    """Choices, as `gene=option`, of which no setting looked at was feasible, though several made
    them."""


def probe_space(problem: Problem) -> SpaceProbe:
    """Look at random settings, then descend to the ends of each cost. The same for every run.

    Raises OptionError where nothing is open, nothing can be built for these images, or the
    limits admit no network that could be found.
    """
    rng = random.Random(0)
    space = problem.space
    if not space.is_open:
        raise OptionError(
            f"`space` {space.name}: no value is open, so this is a network, not a space; "
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
        impossible=impossible_choices(space, [(one.genome, one.reason is None) for one in looked]),
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
