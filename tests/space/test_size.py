"""How many networks a space holds: the estimate against exact enumeration."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product

import pytest

from nas.space import SearchSpace, estimate_size, is_legal, load_space
from nas.space._size import _uniform_setting
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
def test_settings_are_drawn_evenly(text: str) -> None:
    space, rng, draws = read(text), random.Random(0), 200
    counts = Counter(_uniform_setting(space, rng) for _ in range(draws * space.num_settings))
    assert len(counts) == space.num_settings, "every setting comes up"
    # Chi-squared: mean n - 1 and variance 2 (n - 1), so five deviations are very many.
    freedom = space.num_settings - 1
    chi_squared = sum((count - draws) ** 2 / draws for count in counts.values())
    assert abs(chi_squared - freedom) < 5 * (2 * freedom) ** 0.5


def test_the_same_seed_gives_the_same_estimate() -> None:
    space = read(REPEATING)
    assert estimate_size(space, sample=50) == estimate_size(space, sample=50)
    assert estimate_size(space, sample=50) != estimate_size(space, sample=50, seed=1)


def test_lru_vgnet_holds_far_more_than_a_billion_networks() -> None:
    size = estimate_size(load_space("lru_vgnet"), sample=200)
    assert size.networks - 3 * size.standard_error > 1e9
