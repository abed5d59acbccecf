"""Choices of a space of which nothing can come, as far as a sample of settings shows."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

from nas.space._size import affordable_settings
from nas.space._space import is_legal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nas.space._space import SearchSpace
    from nas.space._template import Genome

LEAST = 30
"""Settings that make a choice before it is called impossible."""
SAMPLE = 600
"""Settings that are looked at, or as many as take less than a second."""


def impossible_choices(
    space: SearchSpace, looked: Iterable[tuple[Genome, bool]]
) -> tuple[str, ...]:
    """Choices, as `gene=option`, that several settings made and none that is possible.

    Args:
        space: The settings' space.
        looked: Settings, and whether each is possible. Where none is, nothing is said.
    """
    made: Counter[tuple[int, int]] = Counter()
    possible: set[tuple[int, int]] = set()
    for genome, is_possible in looked:
        choices = [(gene, genome[gene]) for gene in space.active_genes(genome)]
        made.update(choices)
        if is_possible:
            possible.update(choices)
    if not possible:
        return ()
    never = sorted(one for one, count in made.items() if count >= LEAST and one not in possible)
    return tuple(f"{space.genes[gene].name}={space.genes[gene].labels[at]}" for gene, at in never)


def illegal_choices(space: SearchSpace, *, seed: int = 0) -> tuple[str, ...]:
    """Choices, as `gene=option`, that never describe a network, whatever the images."""
    rng = random.Random(seed)
    count = min(SAMPLE, affordable_settings(space))
    genomes = [space.random_genome(rng) for _ in range(count)]
    return impossible_choices(space, [(one, is_legal(space.decode(one))) for one in genomes])
