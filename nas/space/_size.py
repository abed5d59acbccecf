"""How many distinct networks a space holds, estimated from a sample of its settings."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.errors import IllegalArchitecture

if TYPE_CHECKING:
    from nas.space._space import SearchSpace
    from nas.space._template import Genome

SAMPLE = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a sample says about a space."""

    settings: int
    """Ways to choose, exactly."""
    legal_share: float
    """Share of settings that describe a network."""
    networks: float
    """Estimated number of distinct networks."""
    standard_error: float
    """Of `networks`, from the sample alone."""


def estimate_size(space: SearchSpace, *, sample: int = SAMPLE, seed: int = 0) -> Size:
    """Count the settings that stand for a network of their own.

    Of the settings that give one network, the one is counted from which no single gene can be
    moved to an earlier option without changing the network; the share of such settings in a
    uniform sample, times all settings, is the estimate. Settings that are equal only after
    several genes change at once are counted apart, so it errs upwards.
    """
    rng = random.Random(seed)
    legal = first = 0
    for _ in range(sample):
        genome = _uniform_setting(space, rng)
        try:
            arch_id = space.decode(genome).id
        except IllegalArchitecture:
            continue
        legal += 1
        first += not _has_earlier_spelling(space, genome, arch_id)
    share = first / sample
    error = math.sqrt(share * (1 - share) / sample)
    return Size(
        settings=space.num_settings,
        legal_share=legal / sample,
        networks=share * space.num_settings,
        standard_error=error * space.num_settings,
    )


def _uniform_setting(space: SearchSpace, rng: random.Random) -> Genome:
    """A genome drawn evenly from all settings: an option counts as often as it has settings."""
    while True:
        genome = list(space.random_genome(rng))
        space.template.draw(rng, genome)
        active = space.active_genes(tuple(genome))
        # Tied values are drawn whether used or not. A setting that leaves some unused comes up
        # once for each of their options, so it is kept that much more rarely.
        unused = math.prod(
            len(gene.labels)
            for number, gene in enumerate(space.genes)
            if gene.name.startswith("tied.") and number not in active
        )
        if rng.random() * unused < 1:
            return space.canonical_genome(tuple(genome))


def _has_earlier_spelling(space: SearchSpace, genome: Genome, arch_id: str) -> bool:
    for number in space.active_genes(genome):
        for option in range(genome[number]):
            other = (*genome[:number], option, *genome[number + 1 :])
            try:
                if space.decode(other).id == arch_id:
                    return True
            except IllegalArchitecture:
                continue
    return False
