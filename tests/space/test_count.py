"""The number of settings: against brute force, in polynomial time where that can be."""

from __future__ import annotations

import random
from itertools import product

import pytest

from nas.space import SearchSpace
from nas.space._count import MAX_STEPS, _ExactCount, count_settings
from tests.space.small import CONDITIONAL, NESTED, TIED, read


def brute_force(space: SearchSpace) -> int:
    genomes = product(*(range(len(gene.labels)) for gene in space.genes))
    return len({space.canonical_genome(genome) for genome in genomes})


@pytest.mark.parametrize("text", [CONDITIONAL, NESTED, TIED])
def test_equals_brute_force(text: str) -> None:
    space = read(text)
    assert count_settings(space.template, space.tied) == (brute_force(space), True)


def random_space(rng: random.Random) -> SearchSpace:
    """Three stages whose blocks use some of three tied kernels, of which one uses another."""
    kernels = ["a", "b", "c"]
    stages = []
    for _ in range(3):
        options = [f"conv: {{kernel: {{tied: {rng.choice(kernels)}}}}}" for _ in range(2)]
        options.append(rng.choice(["separable", "conv: {kernel: {choice: [1, 3]}}"]))
        listed = "".join(f"        - {option}\n" for option in options)
        stages.append(f"  - channels: 8\n    block:\n      choice:\n{listed}")
    return read(
        f"stem: {{conv: {{channels: 8, kernel: {{tied: c}}}}}}\nstages:\n{''.join(stages)}"
        "head: gap_linear\ntied:\n  a: {choice: [1, 3]}\n  b: {choice: [{tied: a}, 5, 7]}\n"
        "  c: {choice: [{tied: b}, 1]}\n"
    )


@pytest.mark.parametrize("seed", range(12))
def test_tied_values_that_use_each_other_equal_brute_force(seed: int) -> None:
    space = random_space(random.Random(seed))
    assert space.num_settings == brute_force(space)
    assert space.setting_count.is_exact


def chain(count: int, *, uses: int) -> SearchSpace:
    """Every stage may use any of `uses` tied values, and the next stage the ones after these."""
    stages = []
    for stage in range(count):
        options = "".join(
            f"        - conv: {{kernel: {{tied: k{(stage + use) % count}}}}}\n"
            for use in range(uses)
        )
        stages.append(
            f"  - channels: 8\n    block:\n      choice:\n{options}        - separable\n"
        )
    tied = "".join(f"  k{number}: {{choice: [1, 3, 5]}}\n" for number in range(count))
    return read(
        f"stem: {{conv: {{channels: 8}}}}\nstages:\n{''.join(stages)}head: gap_linear\n"
        f"tied:\n{tied}"
    )


def test_sixty_tied_values_under_options_take_few_steps() -> None:
    """17 of them took 8 s: every set of tied values was counted apart."""
    space = chain(60, uses=1)
    assert space.setting_count == ((3 + 1) ** 60, True)
    counter = _ExactCount(space.tied)
    counter.of(space.template)
    assert MAX_STEPS - counter.steps_left < 5_000


def test_values_that_stages_have_in_common_are_still_exact() -> None:
    small = chain(4, uses=2)
    assert small.num_settings == brute_force(small)
    assert chain(60, uses=2).setting_count.is_exact


def test_what_cannot_be_counted_is_bounded() -> None:
    """Every stage uses any of 40 values: the sets in play are too many."""
    space = chain(40, uses=40)
    settings, is_exact = space.setting_count
    assert not is_exact
    assert settings == 41**40 * 3**40
    # The bound holds where both can be had.
    small = chain(3, uses=3)
    assert small.num_settings == brute_force(small) < 4**3 * 3**3
