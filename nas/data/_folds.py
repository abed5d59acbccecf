"""Other validation images for each training: what small data need to tell networks apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from nas.data._images import Images
from nas.errors import OptionError

if TYPE_CHECKING:
    from torch import Tensor

    from nas.data._images import ImageData


def fold_of(data: ImageData, number: int, count: int) -> ImageData:
    """The data with the `number`-th of `count` validation parts, which share no image.

    The first is the data's own. The others are as large, are taken from the training images,
    stratified by class, and leave the own one to train with. Statistics stay those of the data.

    Raises:
        OptionError: there are too few images for so many parts.
    """
    check_folds(data, count)
    if number == 0:
        return data
    size = len(data.val)
    order = _interleaved(data.train.labels)
    held = order[(number - 1) * size : number * size]
    kept = torch.ones(len(data.train), dtype=torch.bool)
    kept[held] = False
    rest = data.train.pick(kept.nonzero().flatten())
    train = Images(
        pixels=torch.cat([rest.pixels, data.val.pixels]),
        labels=torch.cat([rest.labels, data.val.labels]),
    )
    return replace(data, train=train, val=data.train.pick(held))


def check_folds(data: ImageData, count: int) -> None:
    """OptionError where the data cannot be split into so many validation parts."""
    most = most_folds(data)
    if count < 1 or count > most:
        why = (
            "they are read from disk as they are needed, which is for large data"
            if data.train.is_mapped
            else f"{len(data.train):,} images to train and {len(data.val):,} to validate make "
            f"at most {most} parts"
        )
        raise OptionError(f"`folds` {count}: not of {data.name}: {why}; write 1 to {most}")


def most_folds(data: ImageData) -> int:
    """Into how many validation parts of the size of its own the data can be split."""
    if data.train.is_mapped:
        return 1
    return 1 + len(data.train) // max(len(data.val), 1)


def _interleaved(labels: Tensor) -> Tensor:
    """(N,) an order of which every stretch is stratified, where labels are classes."""
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    if labels.dim() > 1 or labels.dtype.is_floating_point:
        return shuffled
    place = torch.empty(len(labels), dtype=torch.float64)
    for label in range(int(labels.max()) + 1):
        rows = shuffled[labels[shuffled] == label]
        place[rows] = (torch.arange(len(rows), dtype=torch.float64) + 0.5) / len(rows)
    return place.argsort(stable=True)
