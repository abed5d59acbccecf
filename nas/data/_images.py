"""Images with labels, and the data set a search sees: training and validation, never test."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """Labelled images; loaders order them so that every prefix is stratified by class."""

    pixels: Tensor
    """(N, C, H, W) uint8, 0 to 255."""
    labels: Tensor
    """(N,) int64, in [0, K)."""

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    def first(self, count: int | None) -> Images:
        """The first `count` images, a stratified subset; all of them where None or too many."""
        return Images(pixels=self.pixels[:count], labels=self.labels[:count])

    def pick(self, index: Tensor) -> Images:
        """Copy of the images at `index`, in that order."""
        return Images(pixels=self.pixels[index], labels=self.labels[index])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageData:
    """What a search may look at. The test part is read by `load_test`, at the very end."""

    name: str
    class_names: tuple[str, ...]
    flip: bool
    """Whether a mirrored image still belongs to its class (not so for digits)."""
    mean: tuple[float, ...]
    """Per channel, of pixels scaled to [0, 1], from `train` alone."""
    std: tuple[float, ...]
    """Per channel, of pixels scaled to [0, 1], from `train` alone."""
    train: Images
    val: Images

    @property
    def num_classes(self) -> int:
        """K, the number of classes."""
        return len(self.class_names)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        _, channels, height, width = self.train.pixels.shape
        return channels, height, width


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """What a reader found: images not yet split, and how they want to be split."""

    images: Images
    class_names: tuple[str, ...]
    flip: bool = False
    val_one_in: int = 6
    """Every how many-th image is for validation, where `val` is not given."""
    val: Images | None = None
    """The validation part, where the data come with one."""


def channel_stats(pixels: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel of (N, C, H, W) uint8, scaled to [0, 1].

    Exact, from histograms: no float copy of the images is made. A constant channel gets the
    deviation of one grey level, so that normalising never divides by zero.
    """
    levels = torch.arange(256, dtype=torch.float64) / 255
    means, stds = [], []
    for channel in pixels.unbind(1):
        share = torch.bincount(channel.flatten(), minlength=256).double() / channel.numel()
        mean = (share * levels).sum()
        variance = (share * (levels - mean) ** 2).sum()
        means.append(mean.item())
        stds.append(max(variance.sqrt().item(), 1 / 255))
    return tuple(means), tuple(stds)
