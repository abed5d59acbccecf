"""Splitting by class: one ordering serves splits and subsets alike."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

TEST_ONE_IN = 6
"""Share of the test part where the data come without one, as in MNIST's 10,000 of 60,000."""
_TEST_SEED = 0
"""The test part never depends on a search's seed: no seed may peek at another's test images."""


def stratified_order(labels: Tensor, seed: int) -> Tensor:
    """A random permutation of which every slice is stratified.

    In each prefix a class has its share of the images, to within one image where classes are of
    equal size; so too, to within two, in what remains after a prefix is taken off.

    Args:
        labels: (N,) int64.
        seed: Fixes the permutation; torch's global generator is neither read nor moved.

    Returns:
        (N,) int64 indices.
    """
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    by_class = shuffled[torch.argsort(labels[shuffled], stable=True)]
    counts = torch.bincount(labels)
    starts = counts.cumsum(0) - counts
    classes = labels[by_class]
    rank = (torch.arange(len(labels)) - starts[classes] + 0.5) / counts[classes]
    # Equal classes tie on every rank: mix the ties, or each round would list classes in order.
    mixed = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed + 1))
    return by_class[mixed[torch.argsort(rank[mixed], stable=True)]]


def split(
    labels: Tensor, *, one_in: int, seed: int, groups: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Indices (rest, taken): one in `one_in` images is taken, stratified, at least one.

    With `groups`, (N,) int64, whole groups are taken: as near to that share of every class as
    the groups allow, and never all of them.
    """
    order = stratified_order(labels, seed)
    if groups is not None:
        is_taken = torch.isin(groups, _taken_groups(labels, groups, one_in, seed))
        return order[~is_taken[order]], order[is_taken[order]]
    count = max(1, round(len(labels) / one_in))
    return order[count:], order[:count]


def split_off_test(labels: Tensor, groups: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Indices (rest, test) for data that come without a test part; the same for every seed."""
    return split(labels, one_in=TEST_ONE_IN, seed=_TEST_SEED, groups=groups)


def _taken_groups(labels: Tensor, groups: Tensor, one_in: int, seed: int) -> Tensor:
    """Groups chosen one by one: each time the one that brings the classes nearest to their share.

    Distance is the sum over classes of squared differences, each as a share of its class.
    """
    names, numbers = torch.unique(groups, return_inverse=True)
    table = torch.zeros(len(names), int(labels.max()) + 1, dtype=torch.float64)
    table.index_put_(
        (numbers, labels), torch.ones(len(labels), dtype=torch.float64), accumulate=True
    )
    shares = (table / table.sum(0).clamp(min=1)).numpy()
    left = np.random.default_rng(seed).permutation(len(names))
    wanted = np.full(shares.shape[1], 1 / one_in) * (shares.sum(0) > 0)
    taken: list[int] = []
    have = np.zeros_like(wanted)
    while len(left) > 1:
        distances = ((have + shares[left] - wanted) ** 2).sum(1)
        best = int(distances.argmin())
        if taken and distances[best] >= ((have - wanted) ** 2).sum():
            break
        taken.append(int(left[best]))
        have = have + shares[left[best]]
        left = np.delete(left, best)
    chosen: Tensor = names[taken]
    return chosen
