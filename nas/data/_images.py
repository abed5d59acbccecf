"""Images with labels, and the data set a search sees: training and validation, never test."""

from __future__ import annotations

import ctypes
import mmap
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nas.data._options import DEFAULT_OPTIONS, DataOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATS_BYTES = 2**27
"""Images beyond memory are normalised by so much of them, others by all."""
_madvise = ctypes.CDLL(None).madvise if hasattr(mmap, "MADV_WILLNEED") else None
if _madvise is not None:
    _madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_CHUNK = 1_024
"""Images converted to float64 at a time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """Labelled images; loaders order them so that every prefix is stratified by class."""

    pixels: Tensor
    """(N, C, H, W) uint8 in 0 to 255, or float32. Where `index` is set: all rows there are."""
    labels: Tensor
    """(N,) int64, in [0, K). For other tasks (N, K) uint8 truth values of several classes,
    (N, H, W) uint8 masks, or (N, D) float32 numbers."""
    index: Tensor | None = None
    """(N,) rows of `pixels` that these images are, where `pixels` is a file mapped into memory:
    read them with `rows`, a batch at a time."""

    @classmethod
    def of(cls, pixels: Tensor, labels: Tensor) -> Images:
        """All rows of `pixels`; as mapped ones, where they are too large to be copied."""
        large = pixels.nbytes > memory_budget()
        index = torch.arange(len(labels)) if large else None
        return cls(pixels=pixels, labels=labels, index=index)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def is_mapped(self) -> bool:
        """Whether the images stay on disk until a batch of them is asked for."""
        return self.index is not None

    def rows(self, index: Tensor) -> Tensor:
        """(B, C, H, W) copy of the images at `index`, wherever they are."""
        if self.index is None:
            return self.pixels[index]
        wanted = self.index[index.cpu()]
        _announce(self.pixels, wanted)
        return self.pixels[wanted].contiguous()

    def first(self, count: int | None) -> Images:
        """The first `count` images, a stratified subset; all of them where None or too many.

        Taken into memory where they fit there.
        """
        if self.index is None:
            return Images(pixels=self.pixels[:count], labels=self.labels[:count])
        chosen = replace(self, labels=self.labels[:count], index=self.index[:count])
        if len(chosen) * self.pixels[0].numel() * self.pixels.element_size() > memory_budget():
            return chosen
        return Images(pixels=chosen.rows(torch.arange(len(chosen))), labels=chosen.labels)

    def pick(self, index: Tensor) -> Images:
        """The images at `index`, in that order; a copy, except of mapped ones."""
        if self.index is not None:
            return replace(self, labels=self.labels[index], index=self.index[index])
        return Images(pixels=self.pixels[index], labels=self.labels[index])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageData:
    """What a search may look at. The test part is read by `load_test`, at the very end."""

    name: str
    class_names: tuple[str, ...]
    flip: bool
    """Whether a mirrored image still belongs to its class (not so for digits)."""
    mean: tuple[float, ...]
    """Per channel, of pixels divided by 255 (floats too), from `train` alone."""
    std: tuple[float, ...]
    """Per channel, of pixels divided by 255 (floats too), from `train` alone."""
    train: Images
    val: Images
    bounded: bool = True
    """Whether pixels lie between 0 (black) and 255 (white); else they are any numbers."""
    options: DataOptions = DEFAULT_OPTIONS
    """As asked for, with the size, the channels and the flip that were chosen."""
    split: Split | None = None
    """Which image is in which part, where the data are the user's own."""
    notes: tuple[str, ...] = ()
    """What the reader decided or left out, a sentence each."""
    flip_reason: str = ""
    """Why `flip` is what it is."""
    found_shape: tuple[int, ...] | None = None
    """(C, H, W) before images were resized, where that is not `input_shape`."""
    levels: tuple[float, float] | None = None
    """What is black and white in files of more than 8 bits; None where there are none."""

    @property
    def num_classes(self) -> int:
        """K, the number of classes."""
        return len(self.class_names)

    @property
    def own_shape(self) -> tuple[int, ...]:
        """(C, H, W) of the images as they were found."""
        return self.found_shape or self.input_shape

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        _, channels, height, width = self.train.pixels.shape
        return channels, height, width


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Names of files, or numbers of rows, of each part."""

    train: Sequence[str | int]
    val: Sequence[str | int]
    test: Sequence[str | int]
    made: tuple[str, ...] = ()
    """The parts that did not come with the data: split off `train`, stratified, by seed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """What a reader found: images not yet split, and how they want to be split."""

    images: Images
    class_names: tuple[str, ...]
    flip: bool | None = None
    """Where the user did not say; None where it is to be learned."""
    val_one_in: int = 6
    """Every how many-th image is for validation, where `val` is not given."""
    val: Images | None = None
    """The validation part, where the data come with one."""
    groups: Tensor | None = None
    """(N,) int64, the group of each of `images`."""
    bounded: bool = True
    names: Sequence[str | int] = ()
    """Of `images`: their files or rows; empty where nobody asks, as for known data sets."""
    val_names: Sequence[str | int] = ()
    test_names: Sequence[str | int] = ()
    test_is_own: bool = True
    """Whether the data came with a test part."""
    options: DataOptions = DEFAULT_OPTIONS
    """With the size and channels that were chosen."""
    notes: tuple[str, ...] = ()
    own_shape: tuple[int, ...] | None = None
    """(C, H, W) before the reader resized the images, where it did."""
    levels: tuple[float, float] | None = None
    """What is black and white in files of more than 8 bits; None where there are none."""


def memory_budget() -> int:
    """Bytes that the images of one process may take: a quarter of the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4


def _announce(pixels: Tensor, rows: Tensor) -> None:
    """Have the kernel read these rows of a mapped file, all at once: faults come page by page."""
    size = pixels.stride(0) * pixels.element_size()
    if _madvise is None or pixels.stride(0) < pixels[0].numel():
        return
    for row in rows.tolist():
        first = pixels.data_ptr() + row * size
        page = first - first % mmap.PAGESIZE
        _madvise(page, first + size - page, mmap.MADV_WILLNEED)


def channel_stats(images: Images) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel of pixels divided by 255.

    Exact, and of all images unless they are mapped from disk. A constant channel gets the
    deviation of one grey level, so that normalising never divides by zero.
    """
    pixels = images.pixels
    if images.is_mapped:
        count = _STATS_BYTES // (pixels[0].numel() * pixels.element_size()) + 1
        pixels = images.rows(torch.arange(min(len(images), count)))
    if pixels.dtype == torch.uint8:
        return _histogram_stats(pixels)
    return _float_stats(pixels)


def _float_stats(pixels: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    count, channels = pixels.numel() / pixels.shape[1], pixels.shape[1]
    mean, squares = torch.zeros((2, channels), dtype=torch.float64)
    for start in range(0, len(pixels), _CHUNK):
        mean += pixels[start : start + _CHUNK].double().sum((0, 2, 3)) / count
    for start in range(0, len(pixels), _CHUNK):
        centred = pixels[start : start + _CHUNK].double() - mean[:, None, None]
        squares += (centred**2).sum((0, 2, 3)) / count
    std = torch.where(squares > 0, squares.sqrt(), 1.0)
    return tuple((mean / 255).tolist()), tuple((std / 255).tolist())


def _histogram_stats(pixels: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """No float copy of the images is made."""
    levels = torch.arange(256, dtype=torch.float64) / 255
    means, stds = [], []
    for channel in pixels.unbind(1):
        share = torch.bincount(channel.flatten(), minlength=256).double() / channel.numel()
        mean = (share * levels).sum()
        variance = (share * (levels - mean) ** 2).sum()
        means.append(mean.item())
        stds.append(max(variance.sqrt().item(), 1 / 255))
    return tuple(means), tuple(stds)
