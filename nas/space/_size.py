"""How many distinct networks a space holds, estimated from a sample of its settings."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from nas.errors import IllegalArchitecture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nas.space._space import SearchSpace
    from nas.space._template import Genome

MAX_SAMPLE, MIN_SAMPLE = 400, 20
"""Settings that are drawn, and that are drawn at least."""
MAX_WORK, MIN_DECODED = 9_000_000, 5
"""Settings decoded times the square of the number of genes, which takes less than a second: many
open values take longer to decode, and their networks have fewer parts in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a sample says about a space."""

    settings: int
    """Ways to choose."""
    settings_are_exact: bool
    """Else `settings` is an upper bound."""
    legal_share: float
    """Share of settings that describe a network."""
    networks: int | float
    """Estimated number of distinct networks; whole where no float could hold it."""
    standard_error: int | float
    """Of `networks`, from the sample alone."""


def estimate_size(space: SearchSpace, *, sample: int | None = None, seed: int = 0) -> Size:
    """Count the settings that stand for a network of their own.

    Of the settings that give one network, the one is counted from which no single gene can be
    moved to an earlier option without changing the network; the share of such settings in a
    sample, times all settings, is the estimate. Settings that are equal only after several genes
    change at once are counted apart, and in a space of very many options only some moves are
    tried, so it errs upwards. Without `sample`, as many settings are drawn as take a second.
    """
    rng = random.Random(seed)
    counted = space.setting_count
    sample, moves = (sample, None) if sample else _affordable(space, rng)
    drawn = [_Drawn.of(space, rng, moves) for _ in range(sample)]
    weights = _weights([one.log_weight for one in drawn])
    share = _share(weights, [one.is_first for one in drawn])
    variance = (
        math.fsum(
            (weight * (one.is_first - share)) ** 2
            for weight, one in zip(weights, drawn, strict=True)
        )
        / math.fsum(weights) ** 2
    )
    return Size(
        settings=counted.settings,
        settings_are_exact=counted.is_exact,
        legal_share=_share(weights, [one.is_legal for one in drawn]),
        networks=_scaled(counted.settings, share),
        standard_error=_scaled(counted.settings, math.sqrt(variance)),
    )


class _Drawn(NamedTuple):
    log_weight: float
    is_legal: bool
    is_first: bool
    """No single gene has an earlier option that gives the same network."""

    @classmethod
    def of(cls, space: SearchSpace, rng: random.Random, moves: int | None) -> _Drawn:
        genome, log_weight = draw_setting(space, rng)
        try:
            arch_id = space.decode(genome).id
        except IllegalArchitecture:
            return cls(log_weight, is_legal=False, is_first=False)
        tried: Iterable[tuple[int, int]] = _earlier(space, genome)
        if moves is not None and len(listed := [*tried]) > moves:
            tried = rng.sample(listed, moves)
        return cls(log_weight, True, not _is_among(space, genome, arch_id, tried))


def draw_setting(space: SearchSpace, rng: random.Random) -> tuple[Genome, float]:
    """A setting at random, and the logarithm of its weight: settings are even once weighted.

    An option is drawn as often as it has settings, but every use of a tied value as one, so a
    setting has to count as often as the tied values that it uses have settings.
    """
    genome, tied = [0] * len(space.genes), set[str]()
    space.template.draw(rng, genome, tied)
    return tuple(genome), sum(math.log(space.tied[name].ways) for name in sorted(tied))


def _affordable(space: SearchSpace, rng: random.Random) -> tuple[int, int | None]:
    """How many settings to draw, and how many moves to try on each (None: all)."""
    pilot = [draw_setting(space, rng)[0] for _ in range(MIN_SAMPLE)]
    moves = sum(len([*_earlier(space, genome)]) for genome in pilot) // MIN_SAMPLE + 1
    decoded = affordable_settings(space)
    if decoded // moves >= MIN_SAMPLE:
        return min(MAX_SAMPLE, decoded // moves), None
    sample = min(MIN_SAMPLE, decoded)
    return sample, decoded // sample


def affordable_settings(space: SearchSpace) -> int:
    """How many settings can be decoded in less than a second."""
    return max(MIN_DECODED, MAX_WORK // max(1, len(space.genes)) ** 2)


def _earlier(space: SearchSpace, genome: Genome) -> Iterator[tuple[int, int]]:
    """Every active gene with every option before the chosen one."""
    return (
        (gene, option) for gene in space.active_genes(genome) for option in range(genome[gene])
    )


def _is_among(
    space: SearchSpace, genome: Genome, arch_id: str, moves: Iterable[tuple[int, int]]
) -> bool:
    """Whether one of the moves leads to the network `arch_id`."""
    for gene, option in moves:
        try:
            if space.decode((*genome[:gene], option, *genome[gene + 1 :])).id == arch_id:
                return True
        except IllegalArchitecture:
            continue
    return False


def _weights(logarithms: list[float]) -> list[float]:
    """Weights of which the largest is 1."""
    largest = max(logarithms)
    return [math.exp(one - largest) for one in logarithms]


def _share(weights: list[float], chosen: list[bool]) -> float:
    counted = (weight for weight, is_chosen in zip(weights, chosen, strict=True) if is_chosen)
    return math.fsum(counted) / math.fsum(weights)


def _scaled(settings: int, share: float) -> int | float:
    return settings * share if settings < 10**300 else int(settings * Fraction(share))
