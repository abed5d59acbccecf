"""What the files of a listing are labelled with: names in folders and tables, or mask files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nas.data._fit import resize_masks
from nas.data._in_threads import in_threads
from nas.data._listing import (
    Listing,
    Part,
    Sample,
    check_trained,
    class_names,
    in_order,
    part_of,
)
from nas.data._scan import BadFile, readable
from nas.data._targets import UNKNOWN, strata
from nas.errors import DataError, OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image
    from torch import Tensor

    from nas.data._decode import PixelFormat
    from nas.data._options import Task

SEPARATOR = "|"
"""Between the labels of one image, and between its numbers."""
_INDEXED = ("1", "L", "P", "I;16", "I")
"""Modes of masks whose pixels are the numbers of classes."""


def output_names(listing: Listing, task: Task) -> tuple[str, ...]:
    """The classes, or what the numbers are called; of masks, their numbers. Raises DataError."""
    train = listing.parts["train"]
    if task == "classification":
        return class_names(listing)
    if task == "multilabel":
        names = {name for sample in train for name in _names(sample)}
        for part, samples in listing.parts.items():
            check_trained(
                listing, part, names, {name for sample in samples for name in _names(sample)}
            )
        return in_order(names)
    if task == "regression":
        return tuple(map(str, range(len(_numbers(listing, train[0])))))
    highest = _highest(_masks(listing, train))
    for part, samples in listing.parts.items():
        if part != "train" and (other := _highest(_read_masks(listing, samples))) > highest:
            raise DataError(
                f"{listing.root}: masks of the {part} part have class {other}, and the highest of "
                f"the training part is {highest}. Number them alike, or write 255 for unknown."
            )
    return tuple(map(str, range(highest + 1)))


def _highest(masks: Sequence[np.ndarray[Any, Any] | BadFile]) -> int:
    """The highest class; masks that cannot be read are told of with their images."""
    read = (mask for mask in masks if not isinstance(mask, BadFile))
    return max((int(mask[mask != UNKNOWN].max(initial=0)) for mask in read), default=0)


def split_key(
    listing: Listing, samples: Sequence[Sample], names: tuple[str, ...], task: Task
) -> Tensor:
    """(N,) int64 by which samples are split evenly; no file is opened."""
    if task == "segmentation":
        return torch.zeros(len(samples), dtype=torch.int64)
    return strata(_encoded(listing, samples, names, task))


def targets(
    listing: Listing,
    samples: Sequence[Sample],
    names: tuple[str, ...],
    task: Task,
    form: PixelFormat,
) -> Tensor:
    """The labels of the samples; masks are read, and brought to the images' size."""
    if task != "segmentation":
        return _encoded(listing, samples, names, task)
    size = form.shape[1:]
    masks = [torch.from_numpy(mask)[None] for mask in _masks(listing, samples)]
    return torch.cat([resize_masks(mask, size, form.resize) for mask in masks])


def list_masks(root: Path, *, group_by: str | None = None) -> Listing:
    """Images in `images/` and masks of the same names in `masks/`, below each part's folder."""
    if group_by is not None:
        raise OptionError(
            f"`group_by` {group_by}: folders of images/ and masks/ say nothing of groups; list "
            f"the files in metadata.csv, with the columns file_name, mask and {group_by}"
        )
    parts = {part: tuple(_pairs(folder)) for part, folder in _mask_folders(root).items()}
    if "train" not in parts:
        raise DataError(
            f"{root}: for segmentation a folder holds images/ and masks/, with files of the same "
            "names, or train/ and possibly val/ and test/ that each do."
        )
    return Listing(root=root, parts=parts)


def _mask_folders(root: Path) -> dict[Part, Path]:
    """The folders that hold images/, by part. DataError where two mean the same."""
    found: dict[Part, Path] = {"train": root} if (root / "images").is_dir() else {}
    for folder in sorted(root.iterdir()):
        part = part_of(folder.name)
        if part is None or not (folder / "images").is_dir():
            continue
        if part in found:
            raise DataError(
                f"{root}: {found[part].name}/ and {folder.name}/ both mean the {part} part; "
                "merge them, or move one away."
            )
        found[part] = folder
    return found


def _pairs(folder: Path) -> list[Sample]:
    masks = {file.stem: file for file in sorted((folder / "masks").glob("[!.]*"))}
    images = sorted((folder / "images").glob("[!.]*"))
    missing = [file.name for file in images if file.stem not in masks]
    if missing or not images:
        raise DataError(
            f"{folder}: {len(missing) or 'no'} images{' without a mask' if missing else ''} "
            f"({', '.join(missing[:3])}): images/ and masks/ hold files of the same names."
        )
    return [Sample(file=file, label=str(masks[file.stem].absolute())) for file in images]


def _encoded(
    listing: Listing, samples: Sequence[Sample], names: tuple[str, ...], task: Task
) -> Tensor:
    number = {name: index for index, name in enumerate(names)}
    if task == "regression":
        rows = [_numbers(listing, sample) for sample in samples]
        if any(len(row) != len(names) for row in rows):
            raise DataError(f"{listing.root}: not every image has {len(names)} numbers.")
        return torch.tensor(rows, dtype=torch.float32)
    if task == "classification":
        return torch.tensor([number[sample.label] for sample in samples], dtype=torch.int64)
    truth = torch.zeros(len(samples), len(names), dtype=torch.uint8)
    for row, sample in enumerate(samples):
        for name in _names(sample):
            truth[row, number[name]] = 1
    return truth


def _names(sample: Sample) -> list[str]:
    return [name.strip() for name in sample.label.split(SEPARATOR) if name.strip()]


def _numbers(listing: Listing, sample: Sample) -> list[float]:
    try:
        numbers = [float(cell) for cell in re.split(r"[|\s]+", sample.label.strip())]
    except ValueError:
        numbers = [float("nan")]
    if not np.isfinite(numbers).all():
        raise DataError(
            f"{listing.name(sample.file)}: '{sample.label}' is no number; for regression the "
            f"label is a number, or several with {SEPARATOR} between them."
        )
    return numbers


def _masks(listing: Listing, samples: Sequence[Sample]) -> list[np.ndarray[Any, Any]]:
    found = _read_masks(listing, samples)
    bad = [one for one in found if isinstance(one, BadFile)]
    if bad:
        raise DataError(
            f"{listing.name(bad[0].file)}: not a readable mask ({bad[0].reason}); {len(bad):,} "
            "files in all. A mask has one channel, of class numbers from 0, and 255 for unknown."
        )
    return [mask for mask in found if not isinstance(mask, BadFile)]


def _read_masks(
    listing: Listing, samples: Sequence[Sample]
) -> list[np.ndarray[Any, Any] | BadFile]:
    return in_threads(
        lambda sample: readable(listing.root / sample.label, _read_mask), list(samples)
    )


def _read_mask(image: Image.Image) -> np.ndarray[Any, Any]:
    if image.mode not in _INDEXED:
        raise ValueError(f"mode {image.mode}")
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > UNKNOWN:
        raise ValueError(f"values {values.min()} to {values.max()}")
    return values.astype(np.uint8)
