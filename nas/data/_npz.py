"""Reading a `.npz` file of images and labels, and saying what is wrong with it."""

from __future__ import annotations

import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import torch

from nas.data._images import Images, Source
from nas.data._split import split_off_test
from nas.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data._idx import Split

_TRAIN, _TEST = ("images", "labels"), ("test_images", "test_labels")
_FORMAT = (
    "a .npz file holds images (uint8, (N, H, W) or (N, H, W, C) with C up to 4) and labels "
    "(integers, (N,)), optionally test_images and test_labels"
)


def read_npz(path: Path, part: Split) -> Source:
    """One part of a file; without test arrays, every seed splits off the same test part."""
    # Opened here: numpy leaves a file open whose archive it can't read.
    with path.open("rb") as file:
        archive = _archive(path, file)
        images = _images(path, archive, _TRAIN)
        classes = _class_names(path, images)
        if _TEST[0] not in archive.files:
            rest, test = split_off_test(images.labels)
            images = images.pick(rest if part == "train" else test)
        elif part == "test":
            images = _like(path, _images(path, archive, _TEST), images, len(classes))
    return Source(images=images, class_names=classes)


def _class_names(path: Path, images: Images) -> tuple[str, ...]:
    highest = int(images.labels.max())
    if highest >= len(images):
        raise DataError(
            f"{path}: labels go up to {highest} for {len(images)} images; classes are numbered "
            "from 0, with no number left out."
        )
    return tuple(str(label) for label in range(highest + 1))


def _archive(path: Path, file: IO[bytes]) -> np.lib.npyio.NpzFile:
    try:
        archive = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a readable .npz file ({error}); {_FORMAT}.") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise DataError(f"{path}: a single array under the name of a .npz file; {_FORMAT}.")
    keys = set(archive.files)
    if not keys >= set(_TRAIN) or not keys <= {*_TRAIN, *_TEST} or len(keys & set(_TEST)) == 1:
        raise DataError(f"{path}: has the keys {', '.join(sorted(keys)) or '(none)'}; {_FORMAT}.")
    return archive


def _array(path: Path, archive: np.lib.npyio.NpzFile, key: str) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(archive[key])
    except ValueError as error:
        raise DataError(
            f"{path}: {key} is an array of Python objects, as numpy makes of images of different "
            f"sizes; resize them to one size. {_FORMAT}."
        ) from error
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path}: {key} cannot be read ({error}); write the file again."
        ) from error


def _images(path: Path, archive: np.lib.npyio.NpzFile, keys: tuple[str, str]) -> Images:
    pixels, labels = (_array(path, archive, key) for key in keys)
    if pixels.dtype != np.uint8:
        raise DataError(f"{path}: {keys[0]} has dtype {pixels.dtype}, not uint8; {_FORMAT}.")
    if pixels.ndim not in (3, 4) or 0 in pixels.shape or not all(c <= 4 for c in pixels.shape[3:]):
        raise DataError(f"{path}: {keys[0]} has shape {pixels.shape}; {_FORMAT}.")
    if labels.dtype.kind not in "iu" or labels.shape != pixels.shape[:1]:
        raise DataError(
            f"{path}: {keys[1]} has dtype {labels.dtype} and shape {labels.shape} for "
            f"{len(pixels)} images; {_FORMAT}."
        )
    if labels.min() < 0:
        raise DataError(f"{path}: {keys[1]} goes down to {labels.min()}; classes count from 0.")
    tensor = torch.from_numpy(pixels.reshape(*pixels.shape[:3], -1)).permute(0, 3, 1, 2)
    return Images(pixels=tensor.contiguous(), labels=torch.from_numpy(labels.astype(np.int64)))


def _like(path: Path, test: Images, train: Images, num_classes: int) -> Images:
    shape, wanted = tuple(test.pixels.shape[1:]), tuple(train.pixels.shape[1:])
    if shape != wanted:
        raise DataError(f"{path}: test_images are {shape} as (C, H, W), but images are {wanted}.")
    if int(test.labels.max()) >= num_classes:
        raise DataError(
            f"{path}: test_labels go up to {int(test.labels.max())}, but labels only up to "
            f"{num_classes - 1}."
        )
    return test
