"""Reading a `.npz` file of images and labels, and saying what is wrong with it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nas.data._array_file import ArrayHeader, read_array, read_headers
from nas.data._arrays import FORMAT, as_images
from nas.data._images import Images, Source
from nas.data._split import split_off_test
from nas.data._targets import as_targets, name_targets, strata
from nas.errors import DataError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data._listing import Part
    from nas.data._options import DataOptions, Task

ALIASES = {
    "images": ("images", "train_images", "x_train"),
    "labels": ("labels", "train_labels", "y_train", "masks", "train_masks"),
    "val_images": ("val_images", "x_val", "x_valid"),
    "val_labels": ("val_labels", "y_val", "y_valid", "val_masks"),
    "test_images": ("test_images", "x_test"),
    "test_labels": ("test_labels", "y_test", "test_masks"),
    "class_names": ("class_names",),
    "order": ("order",),
}
"""What we call an array, and what Keras and MedMNIST call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayFile:
    """A `.npz` file of which the headers were read."""

    path: Path
    keys: dict[str, str]
    """Our names by the file's own."""
    headers: dict[str, ArrayHeader]

    def __contains__(self, name: str) -> bool:
        """Whether the file has what we call `name`."""
        return name in self.keys

    def array(self, name: str) -> np.ndarray[Any, Any]:
        """Read an array by our name for it. Raises DataError."""
        key = self.keys[name]
        found = read_array(self.path, key, self.headers[key])
        if found.dtype.kind == "U" and not _is_unicode(found):
            raise DataError(f"{self.path}: {key}: holds text that is no Unicode; is it damaged?")
        return found


def _is_unicode(texts: np.ndarray[Any, Any]) -> bool:
    """Whether every character exists; numpy finds out only where it makes a string of them."""
    native = np.ascontiguousarray(texts.astype(texts.dtype.newbyteorder("=")).reshape(-1))
    if not native.nbytes:
        return True
    return bool((native.view(np.uint32) <= sys.maxunicode).all())


def read_npz(path: Path, part: Part, options: DataOptions) -> Source:
    """One part of a file; without test arrays, every seed splits off the same test part."""
    file = _open(path, options)
    order = str(file.array("order")) if "order" in file else "NHWC"
    given = None
    if "class_names" in file:
        given = [str(name) for name in file.array("class_names").reshape(-1)]
    classes = name_targets(path, file.keys["labels"], file.array("labels"), options.task, given)
    images, bounded = _read(file, "", order, classes, options.task)
    groups = _groups(file, options, len(images))
    common: dict[str, Any] = {"class_names": classes, "bounded": bounded, "options": options}
    if part == "test" and "test_images" in file:
        test, test_bounded = _read(file, "test_", order, classes, options.task)
        _check_alike(path, "test_images", test, test_bounded, images, bounded)
        return Source(images=test, names=range(len(test)), **common)
    if "test_images" in file:
        rest, taken = torch.arange(len(images)), torch.arange(0)
    else:
        rest, taken = split_off_test(strata(images.labels), groups)
    if part == "test":
        return Source(images=images.pick(taken), names=taken.tolist(), **common)
    val = None
    if "val_images" in file:
        val, val_bounded = _read(file, "val_", order, classes, options.task)
        _check_alike(path, "val_images", val, val_bounded, images, bounded)
    return Source(
        images=images.pick(rest) if len(taken) else images,
        names=rest.tolist(),
        val=val,
        val_names=range(len(val)) if val is not None else (),
        test_names=taken.tolist(),
        test_is_own="test_images" in file,
        groups=None if groups is None else groups[rest],
        **common,
    )


def _open(path: Path, options: DataOptions) -> ArrayFile:
    headers = read_headers(path, FORMAT)
    if options.group_by is not None and options.group_by not in headers:
        raise OptionError(
            f"`group_by` {options.group_by}: no such array in {path} (arrays: "
            f"{', '.join(headers)})"
        )
    keys = {
        name: next(alias for alias in aliases if alias in headers)
        for name, aliases in ALIASES.items()
        if any(alias in headers for alias in aliases)
    }
    unknown = set(headers) - set(keys.values()) - {options.group_by}
    paired = all(
        (f"{part}images" in keys) == (f"{part}labels" in keys) for part in ("", "val_", "test_")
    )
    if unknown or not paired or "images" not in keys:
        raise DataError(
            f"{path}: has the keys {', '.join(sorted(headers)) or '(none)'}; {FORMAT}."
        )
    return ArrayFile(path=path, keys=keys, headers=headers)


def _read(
    file: ArrayFile, prefix: str, order: str, classes: tuple[str, ...], task: Task
) -> tuple[Images, bool]:
    names = [file.keys[f"{prefix}{kind}"] for kind in ("images", "labels")]
    labels = as_targets(file.path, names[1], file.array(f"{prefix}labels"), task, classes)
    pixels, bounded = as_images(file.path, names[0], file.array(f"{prefix}images"), order)
    if len(labels) != len(pixels):
        raise DataError(
            f"{file.path}: {names[1]} has {len(labels)} labels for {len(pixels)} images; {FORMAT}."
        )
    if labels.ndim == 3 and labels.shape[1:] != pixels.shape[2:]:
        raise DataError(
            f"{file.path}: {names[1]} are {tuple(labels.shape[1:])}, but images are "
            f"{tuple(pixels.shape[2:])} (height, width)."
        )
    return Images.of(pixels, labels), bounded


def _groups(file: ArrayFile, options: DataOptions, count: int) -> torch.Tensor | None:
    key = options.group_by
    if key is None:
        return None
    values = read_array(file.path, key, file.headers[key])
    if values.shape != (count,):
        raise DataError(f"{file.path}: {key} has shape {values.shape} for {count} images.")
    return torch.from_numpy(np.unique(values, return_inverse=True)[1].astype(np.int64))


def _check_alike(
    path: Path, key: str, other: Images, other_bounded: bool, images: Images, bounded: bool
) -> None:
    shape, wanted = tuple(other.pixels.shape[1:]), tuple(images.pixels.shape[1:])
    if shape != wanted:
        raise DataError(f"{path}: {key} are {shape} as (C, H, W), but images are {wanted}.")
    if other_bounded != bounded or other.pixels.dtype != images.pixels.dtype:
        raise DataError(f"{path}: {key} are of another type of number than images.")
