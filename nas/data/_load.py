"""Loading data for a search: training and validation, never the test part."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from nas.data._folder import read_folder
from nas.data._images import ImageData, Images, Source, channel_stats
from nas.data._known import DATASETS, read_known
from nas.data._npz import read_npz
from nas.data._split import split, stratified_order
from nas.errors import DataError

if TYPE_CHECKING:
    from nas.data._idx import Split

FOLDER_SIDE = 64
"""Pixels to which images of a folder are resized unless asked otherwise."""
_MIN_PER_CLASS = 3
"""One image each to train, to validate and to test."""


def load_data(
    name_or_path: str,
    *,
    data_dir: Path | None = None,
    seed: int = 0,
    download: bool = True,
    side: int = FOLDER_SIDE,
) -> ImageData:
    """Read the training part of a data set and split validation images off it.

    Args:
        name_or_path: A name in `DATASETS`, a folder of images by class, or a `.npz` file.
        data_dir: Looked in first for a known data set, and where a download goes.
        seed: Fixes which images validate. It has no say in which images test.
        download: Whether a known data set that isn't found may be downloaded.
        side: Pixels to which images of a folder are resized; others keep their size.

    Raises:
        DataError: The data are unknown, missing or unusable.
    """
    source = _read(name_or_path, "train", data_dir, download, side)
    _check_classes(name_or_path, source)
    train, val = _split(source, seed)
    mean, std = channel_stats(train.pixels)
    return ImageData(
        name=name_or_path,
        class_names=source.class_names,
        flip=source.flip,
        mean=mean,
        std=std,
        train=train,
        val=val,
    )


def load_test(
    name_or_path: str,
    *,
    data_dir: Path | None = None,
    download: bool = True,
    side: int = FOLDER_SIDE,
) -> Images:
    """Read the test part, for a final verdict; the same images whatever a search's seed was.

    Takes what `load_data` takes, and raises the same errors.
    """
    return _read(name_or_path, "test", data_dir, download, side).images


def _read(name: str, part: Split, data_dir: Path | None, download: bool, side: int) -> Source:
    if name in DATASETS:
        return read_known(name, part, data_dir=data_dir, download=download)
    path = Path(name).expanduser()
    if path.is_dir():
        return read_folder(path, part, side=side)
    if path.is_file() and path.suffix == ".npz":
        return read_npz(path, part)
    raise DataError(_unknown(name, path))


def _split(source: Source, seed: int) -> tuple[Images, Images]:
    images, val = source.images, source.val
    if val is None:
        rest, taken = split(images.labels, one_in=source.val_one_in, seed=seed)
        return images.pick(rest), images.pick(taken)
    # Given parts stay as they are; only their order follows the seed.
    rest, taken = (stratified_order(part.labels, seed) for part in (images, val))
    return images.pick(rest), val.pick(taken)


def _check_classes(name: str, source: Source) -> None:
    if len(source.class_names) < 2:
        raise DataError(f"{name}: has a single class, {source.class_names[0]}; two are needed.")
    counts = torch.bincount(source.images.labels, minlength=len(source.class_names))
    least = int(counts.argmin())
    if counts[least] < _MIN_PER_CLASS:
        raise DataError(
            f"{name}: class {source.class_names[least]} has {int(counts[least])} images to train "
            f"and validate with; each class needs at least {_MIN_PER_CLASS} (labels count from 0, "
            "with no number left out)."
        )


def _unknown(name: str, path: Path) -> str:
    known = ", ".join(DATASETS)
    if path.suffix == ".npz":
        return (
            f"--data {name}: no such file (allowed: an existing .npz file, a folder, or {known})"
        )
    if path.is_file():
        return f"--data {name}: a file that isn't .npz (allowed: .npz, a folder, or {known})"
    near = get_close_matches(name.lower().replace("-", "_"), DATASETS, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return (
        f"--data {name}: neither a known data set nor an existing folder or .npz file; "
        f"{hint}(known: {known})"
    )
