"""The data sets known by name: where they are looked for, and how they are downloaded."""

from __future__ import annotations

import socket
import tarfile
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nas.data._idx import find_idx, read_idx
from nas.data._images import Images, Source
from nas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.data._listing import Part

_CLASSES = {
    "fashion_mnist": "FashionMNIST",
    "mnist": "MNIST",
    "cifar10": "CIFAR10",
    "cifar100": "CIFAR100",
}
DATASETS = tuple(_CLASSES)
"""Names of the data that torchvision reads and downloads."""
_OF_IDX_FILES = ("fashion_mnist", "mnist")

CACHE = Path("~/.cache/nas")
"""Where downloads go without a `data_dir`."""
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts its files."""
UNPACKED_FOLDERS = (Path("data/fashion-mnist"), Path("data") / DEBIAN_FOLDER.relative_to("/"))
"""The same package unpacked without root, by `make data` or by hand; in the working directory."""
_TIMEOUT_S = 15.0
"""For each answer of a mirror; torchvision itself waits for ever."""


def read_known(name: str, part: Part, *, data_dir: Path | None, download: bool) -> Source:
    """One part of a known data set; DataError naming the ways to get it where it is missing."""
    folder = find_idx(_idx_folders(name, data_dir)) if name in _OF_IDX_FILES else None
    if folder is not None:
        classes = tuple(_kind(name).classes)
        images = read_idx(folder, part, num_classes=len(classes))
    else:
        images, classes = _from_torchvision(name, part, data_dir=data_dir, download=download)
    one_in = 6 if name in _OF_IDX_FILES else 10
    return Source(images=images, class_names=classes, flip=name != "mnist", val_one_in=one_in)


def folder_here(name: str) -> Path | None:
    """The folder below the working directory that a known data set is read from, if it is."""
    if name != "fashion_mnist":
        return None
    found = find_idx(_idx_folders(name, None))
    return found if found in UNPACKED_FOLDERS else None


def _kind(name: str) -> Any:
    """The class of torchvision; importing it takes seconds, which other data are spared."""
    from torchvision import datasets

    return getattr(datasets, _CLASSES[name])


def _idx_folders(name: str, data_dir: Path | None) -> list[Path]:
    raw = Path(_CLASSES[name]) / "raw"
    if name != "fashion_mnist":
        return [root / raw for root in _roots(data_dir)]
    # MNIST's files bear the same names, so bare files are taken for Fashion-MNIST alone.
    own = [data_dir.expanduser(), data_dir.expanduser() / raw] if data_dir else []
    return [*own, DEBIAN_FOLDER, *UNPACKED_FOLDERS, CACHE.expanduser() / raw]


def _roots(data_dir: Path | None) -> list[Path]:
    return [root.expanduser() for root in (data_dir, CACHE) if root is not None]


def _from_torchvision(
    name: str, part: Part, *, data_dir: Path | None, download: bool
) -> tuple[Images, tuple[str, ...]]:
    found = _open(name, part, data_dir, download=download)
    pixels = torch.as_tensor(found.data)
    # torchvision keeps MNIST's as (N, H, W) and CIFAR's as (N, H, W, C).
    pixels = pixels.unsqueeze(1) if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2).contiguous()
    labels = torch.as_tensor(found.targets, dtype=torch.int64)
    return Images(pixels=pixels, labels=labels), tuple(found.classes)


def _open(name: str, part: Part, data_dir: Path | None, *, download: bool) -> Any:
    kind, train, roots = _kind(name), part == "train", _roots(data_dir)
    for root in roots:
        try:
            return kind(root, train=train, download=False)
        except RuntimeError:  # torchvision's "not found or corrupted"
            continue
    if not download:
        raise DataError(_how_to_get(name, data_dir, "and downloading is off"))
    try:
        with _short_timeout():
            return kind(roots[0], train=train, download=True)
    except (OSError, RuntimeError, EOFError, HTTPException, tarfile.TarError) as error:
        reason = f"and the download to {roots[0]} failed ({_one_line(error)})"
        raise DataError(_how_to_get(name, data_dir, reason)) from error


@contextmanager
def _short_timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _how_to_get(name: str, data_dir: Path | None, reason: str) -> str:
    if name in _OF_IDX_FILES:
        searched, files = _idx_folders(name, data_dir), f"DIR/{_CLASSES[name]}/raw"
    else:
        searched, files = _roots(data_dir), f"DIR/{_kind(name).base_folder}"
    ways = [
        f"Give `data_dir` DIR with its files in {files}.",
        "Connect to the network, and torchvision downloads it.",
    ]
    if name == "fashion_mnist":
        package = (
            "Debian's package: apt-get install dataset-fashion-mnist, or make data (no root)."
        )
        ways = [
            package,
            f"Give `data_dir` DIR with its *-ubyte.gz files in DIR or {files}.",
            ways[1],
        ]
    steps = "".join(f"\n  {number}. {way}" for number, way in enumerate(ways, 1))
    return f"{name}: not found in {', '.join(map(str, searched))}, {reason}. To get it:{steps}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
