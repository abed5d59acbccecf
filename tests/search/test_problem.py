from __future__ import annotations

import random
from dataclasses import replace

import pytest

from nas.errors import OptionError
from nas.metrics import Limit, parse_objectives
from nas.search import Problem, probe_space
from nas.search._problem import mutate_one
from nas.space import load_space
from tests.search.small import all_genomes, make_problem

ORDERED = """
stem: {conv: {channels: {choice: [4, 8, 16, 32, 64]}}}
stages: [{channels: 8, block: conv}]
head: gap_linear
"""


def legal_costs(problem: Problem, name: str) -> list[int]:
    candidates = map(problem.candidate, all_genomes(problem.space))
    return [getattr(one.cost, name) for one in candidates if one.cost is not None]


@pytest.fixture(scope="module")
def lru_vgnet() -> Problem:
    return Problem(
        space=load_space("lru_vgnet"),
        input_shape=(1, 28, 28),
        num_classes=10,
        objectives=parse_objectives(["accuracy", "params", "macs"]),
    )


def test_a_candidate_says_which_limit_it_breaks(small: Problem) -> None:
    limited = replace(small, limits=(Limit(name="params", maximum=362),))
    candidate = limited.candidate(all_genomes(small.space)[0])

    assert candidate.cost is not None
    assert candidate.reason == f"params {candidate.cost.params:,} exceeds the limit of 362"
    assert candidate.rule == "params beyond the limit"


def test_a_limit_is_the_greatest_value_allowed(small: Problem) -> None:
    genome = all_genomes(small.space)[0]
    cost = small.candidate(genome).cost
    assert cost is not None
    limited = replace(small, limits=(Limit(name="params", maximum=cost.params),))

    assert limited.candidate(genome).reason is None


def test_an_illegal_candidate_has_no_cost_and_says_the_rule(small: Problem) -> None:
    illegal = [
        candidate
        for candidate in map(small.candidate, all_genomes(small.space))
        if candidate.cost is None
    ]

    assert len(illegal) == 16  # of 192 genomes: conv (a third), 8 groups (half), 4 channels (half)
    assert "groups 8 does not divide 4 channels" in str(illegal[0].reason)


def test_violation_multiplies_the_factors_by_which_limits_are_exceeded(small: Problem) -> None:
    cost = small.candidate(all_genomes(small.space)[0]).cost
    assert cost is not None
    limits = (
        Limit(name="params", maximum=cost.params // 2),
        Limit(name="macs", maximum=cost.macs * 2),
        Limit(name="peak_activation_bytes", maximum=cost.peak_activation_bytes // 4),
    )

    expected = cost.params / (cost.params // 2) * 4
    assert replace(small, limits=limits).violation(cost) == pytest.approx(expected)
    assert small.violation(cost) == 1.0


def test_a_probe_finds_the_ends_of_every_cost(small: Problem) -> None:
    ranges = probe_space(small).cost_ranges

    assert ranges == tuple(
        (name, min(legal_costs(small, name)), max(legal_costs(small, name)))
        for name in ("params", "macs")
    )


def test_a_probe_counts_and_is_the_same_every_time(small: Problem) -> None:
    found = probe_space(small)

    assert found == probe_space(small)
    assert found.settings == 2_000
    assert found.legal == found.feasible == 2_000 - sum(count for _, count in found.reasons)
    assert 0.9 < found.legal / 2_000 < 0.93  # 11 in 12 of all genomes


def test_the_probe_s_seed_is_feasible() -> None:
    limit = Limit(name="params", maximum=300)
    problem = make_problem(limits=(limit,))
    found = probe_space(problem)

    assert 0 < found.feasible < found.legal
    assert found.seed is not None
    assert problem.candidate(found.seed).reason is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["macs", "params", "peak_activation_bytes"])
def test_limits_that_nearly_nothing_meets_are_met(lru_vgnet: Problem, name: str) -> None:
    """Within 2 % of the least cost known, where one random network in thousands is."""
    objectives = parse_objectives(["accuracy", name])
    [(_, least, _)] = probe_space(replace(lru_vgnet, objectives=objectives)).cost_ranges
    limit = Limit(name=name, maximum=least * 102 // 100)
    problem = replace(lru_vgnet, objectives=objectives, limits=(limit,))

    assert problem.candidate(probe_space(problem).seed).reason is None  # type: ignore[arg-type]


def test_two_tight_limits_together_are_met(lru_vgnet: Problem) -> None:
    limits = (Limit(name="params", maximum=2_000), Limit(name="macs", maximum=80_000))
    problem = replace(lru_vgnet, limits=limits)

    assert problem.candidate(probe_space(problem).seed).reason is None  # type: ignore[arg-type]


def test_limits_nothing_can_meet_name_the_nearest_network(small: Problem) -> None:
    least = min(legal_costs(small, "params"))
    problem = replace(small, limits=(Limit(name="params", maximum=least - 1),))

    with pytest.raises(OptionError) as refused:
        probe_space(problem)
    assert str(refused.value) == (
        f"no network of small was found within the limits; in the nearest, params {least} exceeds "
        f"the limit of {least - 1}: raise the limit, or search a space with smaller networks"
    )


def test_a_space_in_which_nothing_is_open_is_no_search() -> None:
    closed = Problem(
        space=load_space("lrunet_14_1x"),
        input_shape=(3, 32, 32),
        num_classes=10,
        objectives=parse_objectives(["accuracy"]),
    )
    with pytest.raises(OptionError, match="no value is open, so this is a network"):
        probe_space(closed)


def test_mutation_changes_one_active_gene_and_reaches_every_option(small: Problem) -> None:
    space, rng = small.space, random.Random(0)
    genome = all_genomes(space)[0]
    reached = set()
    for _ in range(400):
        changed = mutate_one(space, genome, rng)
        [number] = [n for n, (a, b) in enumerate(zip(genome, changed, strict=True)) if a != b]
        assert number in space.active_genes(genome)
        reached.add((number, changed[number]))

    active = space.active_genes(genome)
    assert reached == {(n, o) for n in active for o in range(1, len(space.genes[n].labels))}


def test_mutation_prefers_neighbours_of_an_ordered_option() -> None:
    space = make_problem(ORDERED).space
    rng = random.Random(0)
    steps = [abs(mutate_one(space, (2,), rng)[0] - 2) for _ in range(1000)]

    # Half the time a neighbour, else one of four of which two are neighbours.
    assert 700 < steps.count(1) < 800


def test_a_gene_with_one_option_cannot_be_mutated() -> None:
    space = make_problem(ORDERED.replace("4, 8, 16, 32, 64", "16")).space

    assert mutate_one(space, (0,), random.Random(0)) == (0,)


def test_walks_of_mutations_reach_every_network(small: Problem) -> None:
    rng, genome, seen = random.Random(0), all_genomes(small.space)[0], set()
    for _ in range(3_000):
        genome = mutate_one(small.space, genome, rng)
        seen.add(small.space.canonical_genome(genome))

    assert len(seen) == small.space.num_settings == 56
