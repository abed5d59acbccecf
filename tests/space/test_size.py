"""How many networks a space holds: the estimate against exact enumeration."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from itertools import product

import pytest

from nas.space import (
    Genome,
    SearchSpace,
    estimate_size,
    is_legal,
    load_space,
)
from nas.space._size import _affordable, draw_setting
from tests.space.small import CONDITIONAL, NESTED, TIED, read

REPEATING = """\
stem: {conv: {channels: 8}}
stages:
  - channels: 8
    block:
      choice:
        - lru: {reuse: {choice: [1, 2]}, shuffle: {choice: [none, interleave, halves]}}
        - conv: {groups: {choice: [1, 2, 3]}}
    transition: {choice: [maxpool_concat, vgnet_downsampling]}
  - channels: 16
    block: {conv: {}}
    transition: {choice: [maxpool_concat, conv]}
head: gap_linear
"""
"""(2 x 3 + 3) x 2 x 2 = 36 settings, of which (6 + 2) x 4 = 32 are legal.

The first transition does nothing at this width, and a shuffle nothing at reuse 1: of the 32,
(1 + 3 + 2) x 2 = 12 are different networks.
"""


def networks(space: SearchSpace) -> set[str]:
    genomes = product(*(range(len(gene.labels)) for gene in space.genes))
    return {arch.id for arch in map(space.decode, genomes) if is_legal(arch)}


@pytest.mark.parametrize("text", [CONDITIONAL, NESTED, TIED, REPEATING])
def test_the_estimate_is_the_exact_count_within_its_error(text: str) -> None:
    space = read(text)
    size = estimate_size(space, sample=3000)
    assert size.settings == space.num_settings
    assert abs(size.networks - len(networks(space))) <= 3 * size.standard_error


def test_the_space_that_repeats_itself_by_hand() -> None:
    space = read(REPEATING)
    assert space.num_settings == 36
    assert len(networks(space)) == 12
    size = estimate_size(space, sample=3000)
    assert size.legal_share == pytest.approx(32 / 36, abs=0.02)
    assert size.standard_error == pytest.approx(36 * (1 / 3 * 2 / 3 / 3000) ** 0.5, rel=0.05)


@pytest.mark.parametrize("text", [CONDITIONAL, NESTED, TIED, REPEATING])
def test_settings_are_even_once_weighted(text: str) -> None:
    space, rng, draws = read(text), random.Random(0), 200
    counts: dict[Genome, list[float]] = defaultdict(list)
    for _ in range(draws * space.num_settings):
        genome, log_weight = draw_setting(space, rng)
        counts[genome].append(math.exp(log_weight))
    assert len(counts) == space.num_settings, "every setting comes up"
    assert all(genome == space.canonical_genome(genome) for genome in counts)
    # Of a setting with weight w, total / w are expected: Poisson, with variance as large.
    total = math.fsum(map(math.fsum, counts.values())) / space.num_settings
    chi_squared = sum(
        (len(weights) - total / weights[0]) ** 2 / (total / weights[0])
        for weights in counts.values()
    )
    freedom = space.num_settings - 1
    # Chi-squared: mean n - 1 and variance 2 (n - 1), so five deviations are very many.
    assert abs(chi_squared - freedom) < 5 * (2 * freedom) ** 0.5


def test_the_same_seed_gives_the_same_estimate() -> None:
    space = read(REPEATING)
    assert estimate_size(space, sample=50) == estimate_size(space, sample=50)
    assert estimate_size(space, sample=50) != estimate_size(space, sample=50, seed=1)


def test_lru_vgnet_holds_far_more_than_a_billion_networks() -> None:
    size = estimate_size(load_space("lru_vgnet"), sample=200)
    assert size.networks - 3 * size.standard_error > 1e9


# -- any size ---------------------------------------------------------------------------------

STAGE = """\
  - channels: {range: [8, 512]}
    block: {conv: {reuse: {range: [1, 99]}}}
"""


@pytest.mark.parametrize("stages", [pytest.param(70, marks=pytest.mark.slow), 500])
def test_more_settings_than_a_float_can_hold(stages: int) -> None:
    """Both were an error or took minutes: 1e308 is the largest power of ten that a float holds."""
    space = read(f"stem: {{conv: {{channels: 8}}}}\nstages:\n{STAGE * stages}head: gap_linear\n")
    size = estimate_size(space)
    assert size.settings == space.num_settings == (505 * 99) ** stages
    assert size.settings > 10**308
    assert size.settings_are_exact
    assert size.legal_share == 1
    assert 0 <= size.networks <= size.settings


def test_networks_beyond_floats_that_all_differ() -> None:
    stage = "  - {channels: {range: [8, 512]}, block: conv}\n"
    space = read(f"stem: {{conv: {{channels: 8}}}}\nstages:\n{stage * 130}head: gap_linear\n")
    size = estimate_size(space)
    assert size.networks == size.settings == 505**130 > 10**308
    assert size.standard_error == 0


def test_work_not_time_bounds_the_sample() -> None:
    """The same seed must give the same estimate on a slow machine."""
    space = load_space("reuse_all")
    assert 20 <= _affordable(space, random.Random(0))[0] < 400
    assert _affordable(read(REPEATING), random.Random(0)) == (400, None)
