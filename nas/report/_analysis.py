"""What the trials tell beyond the front: progress, effects of open values, agreement of rungs."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from nas.pareto import growing_hypervolume
from nas.report._document import Agreement, AxisEffect, Progression

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from nas.report._document import FinalTraining, Network
    from nas.report._pareto import HypervolumeBox

MIN_NETWORKS = 8
"""Fewer say nothing about ranks or about an open value."""
MIN_OF_AN_OPTION = 3
"""An option that fewer networks chose is left out."""


def progression(
    networks: Sequence[Network], keys: Sequence[str], box: HypervolumeBox, within: Container[int]
) -> tuple[Progression, ...]:
    """The front's hypervolume after every network that improved it, and at the end.

    Args:
        networks: Every trial.
        keys: The objectives.
        box: What the front is measured in.
        within: Numbers of the trials that keep the limits; no other one can be on the front.
    """
    spent = [one for one in networks if one.state in ("complete", "failed", "pruned")]
    # What waits on a rung has no end yet.
    spent.sort(key=lambda one: (one.finished_s or math.inf, one.trial))
    if not spent:
        return ()
    ranked = [one for one in spent if one.state == "complete" and one.trial in within]
    places = [box.distances(tuple(one.value(key) or 0.0 for key in keys)) for one in ranked]
    grown = growing_hypervolume(places, [1.0] * len(keys))
    volumes = {one.trial: volume for one, volume in zip(ranked, grown, strict=True)}
    began = spent[0].finished_s or 0.0
    found: list[Progression] = []
    volume = seconds = 0.0
    for count, one in enumerate(spent, 1):
        if one.trial not in volumes and count < len(spent):
            continue
        volume = volumes.get(one.trial, volume)
        seconds = one.finished_s - began if one.finished_s else seconds
        if not found or found[-1].hypervolume != volume or count == len(spent):
            found.append(Progression(networks=count, seconds=seconds, hypervolume=volume))
    return tuple(found)


def effects(
    networks: Sequence[Network],
    genes: Sequence[tuple[str, tuple[str, ...]]],
    active: Sequence[frozenset[int]],
) -> tuple[AxisEffect, ...]:
    """What goes along with accuracy, one open value at a time, the most telling first.

    Epsilon squared of a one-way analysis of variance over ranks (Kelley, An unbiased correlation
    ratio measure, 1935; Kruskal and Wallis, 1952): the share of the variance in rank that lies
    between options, less what chance alone would give. Values that took part in few networks
    come later. The search samples what it likes, so this describes its networks; it does not
    prove a cause.

    Args:
        networks: Trials; of those with rungs, the lowest one counts, which all of them have.
        genes: Name and options of every open value.
        active: For every network, the open values that take part in it.
    """
    scored = [
        (one.genome, accuracy, taking_part)
        for one, taking_part in zip(networks, active, strict=True)
        if one.state in ("complete", "pruned")
        and one.genome
        and (accuracy := _common_accuracy(one)) is not None
    ]
    found = (_effect(place, gene, scored) for place, gene in enumerate(genes))
    made = [effect for effect in found if effect is not None]
    return tuple(sorted(made, key=lambda effect: -effect.share * effect.networks))


def _effect(
    place: int,
    gene: tuple[str, tuple[str, ...]],
    scored: Sequence[tuple[tuple[int, ...], float, frozenset[int]]],
) -> AxisEffect | None:
    """Of one open value; None where too few networks say anything."""
    name, labels = gene
    groups: dict[int, list[float]] = defaultdict(list)
    for genome, accuracy, taking_part in scored:
        if place in taking_part:
            groups[genome[place]].append(accuracy)
    groups = {key: group for key, group in groups.items() if len(group) >= MIN_OF_AN_OPTION}
    count = sum(map(len, groups.values()))
    if len(groups) < 2 or count < max(MIN_NETWORKS, len(scored) / 10):
        return None
    means = tuple(
        (labels[option], float(np.mean(values)), len(values))
        for option, values in sorted(groups.items())
    )
    share = _epsilon_squared(list(groups.values()))
    return AxisEffect(gene=name, share=share, networks=count, means=means)


def _common_accuracy(one: Network) -> float | None:
    if one.rungs:
        return one.rungs[0].accuracy
    return one.scores.accuracy if one.scores else None


def _epsilon_squared(groups: Sequence[Sequence[float]]) -> float:
    from scipy.stats import rankdata

    values = rankdata(np.concatenate([np.asarray(group) for group in groups]))
    parts = np.split(values, np.cumsum([len(group) for group in groups])[:-1])
    total = float(((values - values.mean()) ** 2).sum())
    within = sum(float(((part - part.mean()) ** 2).sum()) for part in parts)
    free = len(values) - len(groups)
    if total == 0 or free < 1:
        return 0.0
    between = total - within - (len(groups) - 1) * within / free
    return max(0.0, between / total)


def agreements(
    networks: Sequence[Network], trainings: Sequence[str], finals: Sequence[FinalTraining]
) -> tuple[Agreement, ...]:
    """How each training ranks networks compared with every longer one, where enough had both."""
    names = [*trainings, "full training"]
    scores: list[dict[str, float]] = [{} for _ in names]  # by place: two rungs may read the same
    for one in networks:
        for found, result in zip(scores[:-1], one.rungs, strict=False):
            found[one.arch_id] = result.accuracy
        if one.state == "complete" and one.scores is not None:
            scores[-2][one.arch_id] = one.scores.accuracy
    for final in finals:
        scores[-1][final.arch_id] = float(np.mean(final.accuracies))
    made = (
        _agreement(names[low], names[high], scores[low], scores[high])
        for low, high in combinations(range(len(names)), 2)
    )
    return tuple(one for one in made if one is not None)


def _agreement(
    shorter: str, longer: str, low: dict[str, float], high: dict[str, float]
) -> Agreement | None:
    from scipy.stats import kendalltau

    both = [(low[arch_id], high[arch_id]) for arch_id in low if arch_id in high]
    if len(both) < MIN_NETWORKS:
        return None
    left, right = zip(*both, strict=True)
    tau = float(kendalltau(left, right).statistic)
    return Agreement(
        shorter=shorter,
        longer=longer,
        networks=len(both),
        tau=0.0 if math.isnan(tau) else tau,
        gain=float(np.mean(right) - np.mean(left)),
    )
