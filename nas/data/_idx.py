"""Finding and reading MNIST-like idx files; torchvision parses them, gzipped or not."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from nas.data._images import Images
from nas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor

    from nas.data._listing import Part

_PREFIX: dict[Part, str] = {"train": "train", "test": "t10k"}
_IMAGES, _LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
_UNREADABLE = (
    OSError, EOFError, zlib.error, ValueError, TypeError, RuntimeError, AssertionError, KeyError,
)  # fmt: skip
"""What gzip and torchvision's parser raise on damaged files; the parser checks by assert."""


def find_idx(folders: Iterable[Path]) -> Path | None:
    """The first folder that holds all four idx files, each plain or gzipped."""
    return next((folder for folder in folders if _is_complete(folder)), None)


def read_idx(folder: Path, part: Part, *, num_classes: int) -> Images:
    """Images (N, 1, H, W) of one part; DataError where a file is damaged or they don't match."""
    # Importing torchvision takes seconds, which other data are spared.
    from torchvision.datasets.mnist import read_image_file, read_label_file

    pixels = _read(folder / f"{_PREFIX[part]}-{_IMAGES}", read_image_file)
    labels = _read(folder / f"{_PREFIX[part]}-{_LABELS}", read_label_file)
    if len(pixels) != len(labels) or int(labels.max()) >= num_classes:
        raise DataError(
            f"{folder}: the {part} files don't belong together: {len(pixels)} images, "
            f"{len(labels)} labels up to {int(labels.max())} (allowed: one label below "
            f"{num_classes} for each image). Delete them and fetch the data again."
        )
    return Images(pixels=pixels.unsqueeze(1), labels=labels)


def _is_complete(folder: Path) -> bool:
    names = [f"{prefix}-{kind}" for prefix in _PREFIX.values() for kind in (_IMAGES, _LABELS)]
    return all((folder / n).is_file() or (folder / f"{n}.gz").is_file() for n in names)


def _read(path: Path, parse: Callable[[str], Tensor]) -> Tensor:
    zipped = path.with_name(f"{path.name}.gz")
    try:
        if path.is_file():
            return parse(str(path))
        # torchvision parses plain files by name only, and the folder may be read-only.
        with tempfile.TemporaryDirectory() as scratch:
            plain = Path(scratch) / path.name
            with gzip.open(zipped) as source, plain.open("wb") as target:
                shutil.copyfileobj(source, target)
            return torch.clone(parse(str(plain)))
    except _UNREADABLE as error:
        found = path if path.is_file() else zipped
        raise DataError(
            f"{found}: not a readable idx file ({type(error).__name__}: {error}). "
            "Delete it and fetch the data again."
        ) from error
