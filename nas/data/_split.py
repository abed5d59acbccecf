"""Splitting by class: one ordering serves splits and subsets alike."""

from __future__ import annotations

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


def split(labels: Tensor, *, one_in: int, seed: int) -> tuple[Tensor, Tensor]:
    """Indices (rest, taken): one in `one_in` images is taken, stratified, at least one."""
    order = stratified_order(labels, seed)
    count = max(1, round(len(labels) / one_in))
    return order[count:], order[:count]


def split_off_test(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Indices (rest, test) for data that come without a test part; the same for every seed."""
    return split(labels, one_in=TEST_ONE_IN, seed=_TEST_SEED)
