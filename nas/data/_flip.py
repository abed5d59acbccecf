"""Whether a mirrored image still shows its class: learned from the training images by a probe.

A ridge classifier on small grey copies learns one half of the images and is asked about the
other half, as they are and mirrored. Mirrored digits lose their class; mirrored cats do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from nas.data._images import Images

PROBE_IMAGES = 4_000
_PROBE_BYTES = 2**28
_SIDE = 16
"""Pixels to which the probe shrinks images."""
_AT_ONCE = 32
"""Images that are real numbers at a time: large ones take four times their bytes."""
_KEPT = 0.8
"""Of what the probe knows above guessing, the share that mirrored images must keep."""
_NOISE = 3.0
"""Standard errors above guessing, below which the probe has learned nothing."""
_RIDGE = 0.1
"""Penalty, as a share of the mean squared deviation of a pixel over all images."""


def probe_flip(images: Images, num_classes: int) -> tuple[bool, str]:
    """Whether to mirror, and why, in words. Deterministic; a fraction of a second."""
    height, width = images.pixels.shape[2:]
    if min(height, width) == 1:
        return False, "signals are not mirrored"
    count = min(len(images), PROBE_IMAGES, _PROBE_BYTES // images.pixels[0].nbytes + 1)
    pixels, labels = images.rows(torch.arange(count)), images.labels[:count]
    half = count // 2
    probe = _Ridge(_features(pixels[:half]), labels[:half], num_classes)
    wanted = labels[half:]
    upright = probe.accuracy(_features(pixels[half:]), wanted)
    mirrored = probe.accuracy(_features(pixels[half:].flip(3)), wanted)
    chance = (wanted.bincount(minlength=num_classes).max() / len(wanted)).item()
    error = (chance * (1 - chance) / len(wanted)) ** 0.5
    found = f"a probe knows {upright:.0%} of images and {mirrored:.0%} of their mirror images"
    if upright < chance + _NOISE * max(error, 1e-3):
        return False, f"not known ({found}; always the same class: {chance:.0%}); say `flip`"
    return mirrored - chance >= _KEPT * (upright - chance), found


class _Ridge:
    """A linear classifier in closed form."""

    def __init__(self, features: Tensor, labels: Tensor, num_classes: int) -> None:
        """Learn from (N, F) float64 features."""
        self._centre = features.mean(0)
        inputs = features - self._centre
        targets = functional.one_hot(labels, num_classes).double()
        self._shares = targets.mean(0)
        penalty = _RIDGE * (inputs**2).sum(0).mean().clamp(min=1e-9)
        gram = inputs.T @ inputs + penalty * torch.eye(inputs.shape[1], dtype=torch.float64)
        self._weights = torch.linalg.solve(gram, inputs.T @ (targets - self._shares))

    def accuracy(self, features: Tensor, labels: Tensor) -> float:
        """Share of images that it knows."""
        scores = (features - self._centre) @ self._weights + self._shares
        return float((scores.argmax(1) == labels).double().mean())


def _features(pixels: Tensor) -> Tensor:
    """(N, F) float64."""
    return torch.cat([_shrunk(some) for some in torch.split(pixels, _AT_ONCE)])


def _shrunk(pixels: Tensor) -> Tensor:
    height, width = pixels.shape[2:]
    size = min(height, _SIDE), min(width, _SIDE)
    grey = pixels.float().mean(1, keepdim=True)
    return functional.interpolate(grey, size=size, mode="area").flatten(1).double()
