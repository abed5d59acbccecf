"""What the files of a listing are labelled with: names in folders and tables, or mask files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nas.data._fit import resize_masks
from nas.data._in_threads import in_threads
from nas.data._listing import Listing, Part, Sample, class_names, in_order
from nas.data._scan import BadFile, readable
from nas.data._targets import UNKNOWN, strata
from nas.errors import DataError

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
        return in_order(name for sample in train for name in _names(sample))
    if task == "regression":
        return tuple(map(str, range(len(_numbers(listing, train[0])))))
    highest = max(int(mask[mask != UNKNOWN].max(initial=0)) for mask in _masks(listing, train))
    return tuple(map(str, range(highest + 1)))


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


def list_masks(root: Path) -> Listing:
    """Images in `images/` and masks of the same names in `masks/`, below each part's folder."""
    parts: dict[Part, tuple[Sample, ...]] = {}
    for part, names in (
        ("train", ("", "train", "training")),
        ("val", ("val", "valid", "validation")),
        ("test", ("test", "testing")),
    ):
        folder = next((root / name for name in names if (root / name / "images").is_dir()), None)
        if folder is not None:
            parts[part] = tuple(_pairs(folder))  # type: ignore[index]
    if "train" not in parts:
        raise DataError(
            f"{root}: for segmentation a folder holds images/ and masks/, with files of the same "
            "names, or train/ and possibly val/ and test/ that each do."
        )
    return Listing(root=root, parts=parts)


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
            if name not in number:
                raise DataError(f"{listing.name(sample.file)}: {name} is no class of train.")
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
    found = in_threads(
        lambda sample: readable(listing.root / sample.label, _read_mask), list(samples)
    )
    bad = [one for one in found if isinstance(one, BadFile)]
    if bad:
        raise DataError(
            f"{listing.name(bad[0].file)}: not a readable mask ({bad[0].reason}); {len(bad):,} "
            "files in all. A mask has one channel, of class numbers from 0, and 255 for unknown."
        )
    return [mask for mask in found if not isinstance(mask, BadFile)]


def _read_mask(image: Image.Image) -> np.ndarray[Any, Any]:
    if image.mode not in _INDEXED:
        raise ValueError(f"mode {image.mode}")
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > UNKNOWN:
        raise ValueError(f"values {values.min()} to {values.max()}")
    return values.astype(np.uint8)
