"""Which networks of a run are worth a longer training: near the front, and spread along it.

A score is a draw: another seed or other validation images would give another one. So a network is
kept while two standard deviations could put it on the front, and sets are chosen by the
hypervolume that they are expected to have, over draws of what the scores might have been; the most
accurate network is always in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nas.pareto import hypervolume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SEED_DEVIATION = 0.004
"""Of validation accuracy between seeds: .3 to .5 points for networks of 2k to 60k parameters."""
REACH = 2.0
"""Standard deviations by which a network may lie below the front and still be on it."""
_DRAWS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredNetwork:
    """What is known of one network, as a point of a box in which 0 is best and 1 is worst."""

    accuracy: float
    deviation: float
    """Standard deviation of `accuracy` about what another training would give."""
    costs: tuple[float, ...]
    """Distances of the cost objectives from the best, each in [0, 1]."""


def score_deviation(accuracy: float, num_images: int) -> float:
    """Standard deviation of an accuracy on so many images: of the images, and of the seed."""
    return math.sqrt(accuracy * (1 - accuracy) / num_images + SEED_DEVIATION**2)


def within_reach(networks: Sequence[ScoredNetwork], reach: float = REACH) -> tuple[int, ...]:
    """Indices of those that `reach` deviations of their own would put on the front."""
    return tuple(
        index
        for index, one in enumerate(networks)
        if not any(
            other.accuracy > one.accuracy + reach * one.deviation and _no_dearer(other, one)
            for other in networks
            if other is not one
        )
    )


def _no_dearer(one: ScoredNetwork, other: ScoredNetwork) -> bool:
    return all(a <= b for a, b in zip(one.costs, other.costs, strict=True))


def choose_subset(
    networks: Sequence[ScoredNetwork], count: int, *, worst_accuracy: float, seed: int = 0
) -> tuple[int, ...]:
    """Indices of `count` networks: the most accurate one, then the most valuable ones in order.

    The most accurate one is what many search for, and adds next to nothing to a hypervolume whose
    costs are logarithms. Then, greedily, the one that adds most to the hypervolume expected over
    draws of the accuracies (hypervolume subset selection, as PrototypeNAS thins its front, arXiv
    2603.15106).

    Args:
        networks: To choose from.
        count: At most so many.
        worst_accuracy: The accuracy at which a network is worth nothing.
        seed: Fixes the draws.
    """
    drawn = _drawn_points(networks, worst_accuracy, seed)
    chosen = [max(range(len(networks)), key=lambda index: networks[index].accuracy)]
    volumes = _volumes(drawn, chosen)
    while len(chosen) < min(count, len(networks)):
        gains = {
            index: _volumes(drawn, [*chosen, index]) - volumes
            for index in range(len(networks))
            if index not in chosen
        }
        best = max(gains, key=lambda index: (gains[index].mean(), networks[index].accuracy))
        volumes = volumes + gains[best]
        chosen.append(best)
    return tuple(chosen)


def _drawn_points(
    networks: Sequence[ScoredNetwork], worst_accuracy: float, seed: int
) -> NDArray[np.float64]:
    """(draws, networks, objectives) in the unit box."""
    accuracies = np.array([one.accuracy for one in networks])
    deviations = np.array([one.deviation for one in networks])
    noise = np.random.default_rng(seed).standard_normal((_DRAWS, len(networks)))
    errors = (1 - accuracies - deviations * noise) / (1 - worst_accuracy)
    costs = np.array([one.costs for one in networks]).reshape(len(networks), -1)
    shared = np.broadcast_to(costs, (_DRAWS, *costs.shape))
    return np.concatenate([errors[:, :, None].clip(0, 1), shared], axis=2)


def _volumes(drawn: NDArray[np.float64], chosen: list[int]) -> NDArray[np.float64]:
    reference = [1.0] * drawn.shape[2]
    return np.array([hypervolume(points[chosen], reference) for points in drawn])
