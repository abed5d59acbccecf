"""What a depthwise kernel looks like: an identity, a blur, an edge detector, or none of these.

The three are those that VGNet's authors saw in trained networks and replaced: channels handed on
as they are, and the banks of `nas/layers/depthwise.py`. Paper: Efficient CNN Architecture Design
Guided by Visualization - https://arxiv.org/abs/2207.10318. Their labels were made by eye; the
measure here is ours.

A kernel gets the label of the prototype with the largest |cosine|, if that reaches `THRESHOLD`:

* The sign does not matter, because the layers after a filter can turn it around.
* The mean is *not* taken off. It is what tells the three apart: a narrow Gaussian, an identity and
  a Laplacian differ in the sum of what surrounds the centre (like it, zero, opposite to it), and
  without their means all three are the same peak.
* They remain neighbours (cosine 0.89 from identity to the Gaussian of sigma 0.6, 0.94 and 0.89 to
  the Laplacians), so the boundaries between them run halfway: where the surroundings reach about
  a quarter of the centre's weight. Under noise of 0.3 of a kernel's norm 96 % keep their label.
* Of random normal 3x3 kernels 0.3 % are called identity, 1.1 % Gaussian, 3.3 % edge.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import torch
from torch.nn import functional

from nas.layers.depthwise import EdgeGaussianBank

if TYPE_CHECKING:
    from torch import Tensor

Label = Literal["identity", "gaussian", "edge", "other"]
LABELS: tuple[Label, ...] = ("identity", "gaussian", "edge", "other")
THRESHOLD = 0.8
"""Least |cosine| to a prototype that gives its label."""
SIGMAS = (0.6, 0.8, 1.1, 1.6)
"""Of Gaussian prototypes, in pixels of a 3x3 kernel: the banks' two, one between, one wider."""
_NUM_EDGES = 6
"""The first so many kernels of the bank are edge detectors; the others are Gaussians."""


def label_kernels(kernels: Tensor) -> tuple[tuple[Label, ...], Tensor]:
    """Labels of (N, k, k) kernels, k odd, and the cosine of each to its nearest prototype.

    The cosine is negative where a kernel is a prototype's negative. All zeros are `other`.
    """
    names, bank = prototypes(kernels.shape[-1])
    flat = functional.normalize(kernels.flatten(1).double(), dim=1)
    cosines = flat @ bank.flatten(1).T
    nearest = cosines.abs().argmax(1)
    signed = cosines.gather(1, nearest[:, None])[:, 0]
    labels: tuple[Label, ...] = tuple(
        names[index] if abs(cosine) >= THRESHOLD else "other"
        for index, cosine in zip(nearest.tolist(), signed.tolist(), strict=True)
    )
    return labels, signed.float()


@lru_cache
def chance_shares(size: int) -> dict[Label, float]:
    """Share of every label among random normal kernels of that size: what noise looks like."""
    noise = torch.randn(20_000, size, size, generator=torch.Generator().manual_seed(0))
    labels, _ = label_kernels(noise)
    return {label: labels.count(label) / len(labels) for label in LABELS}


@lru_cache
def prototypes(size: int) -> tuple[tuple[Label, ...], Tensor]:
    """Labels and (P, size, size) float64 kernels of norm 1, for an odd `size` of 3 or more.

    Larger sizes have the 3x3 prototypes within zeros, and wider forms of them beside: Gaussians
    of sigma in proportion, edge detectors blurred by up to `size`.
    """
    identity = torch.zeros(1, size, size, dtype=torch.float64)
    identity[0, size // 2, size // 2] = 1
    groups: dict[Label, Tensor] = {
        "identity": identity,
        "gaussian": _gaussians(size),
        "edge": _distinct(_edges(size)),
    }
    names: tuple[Label, ...] = tuple(name for name, bank in groups.items() for _ in bank)
    bank = torch.cat(tuple(groups.values()))
    return names, bank / bank.flatten(1).norm(dim=1)[:, None, None]


def _gaussians(size: int) -> Tensor:
    widest = (size - 1) // 2
    sigmas = sorted({sigma * factor for sigma in SIGMAS for factor in (1, widest)})
    squares = torch.arange(-widest, widest + 1, dtype=torch.float64) ** 2
    rows = torch.stack([torch.exp(-squares / (2 * sigma**2)) for sigma in sigmas])
    return rows[:, :, None] * rows[:, None, :]


def _edges(size: int) -> Tensor:
    """The bank's edge detectors turned and mirrored, from sharp to blurred, within zeros."""
    bank = torch.tensor(EdgeGaussianBank.kernels[:_NUM_EDGES], dtype=torch.float64)
    bank = bank.view(-1, 3, 3)
    turned = [torch.rot90(one, turn, (1, 2)) for one in (bank, bank.mT) for turn in range(4)]
    sharp = torch.cat(turned)
    blur = torch.tensor(EdgeGaussianBank.kernels[_NUM_EDGES], dtype=torch.float64).view(1, 1, 3, 3)
    forms = []
    while sharp.shape[-1] <= size:
        margin = (size - sharp.shape[-1]) // 2
        forms.append(functional.pad(sharp, (margin, margin, margin, margin)))
        sharp = functional.conv2d(sharp[:, None], blur, padding=2)[:, 0]
    return torch.cat(forms)


def _distinct(kernels: Tensor) -> Tensor:
    """One of each direction: no two of the result are multiples of each other."""
    flat = functional.normalize(kernels.flatten(1), dim=1)
    cosines = (flat @ flat.T).abs()
    first = (cosines > 1 - 1e-9).to(torch.int64).argmax(1)
    return kernels[first == torch.arange(len(kernels))]
