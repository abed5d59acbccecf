"""The data sets known by name: where they are looked for, and how they are downloaded."""

from __future__ import annotations

import socket
import tarfile
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from torchvision.datasets import CIFAR10, CIFAR100, MNIST, FashionMNIST

from nas.errors import DataError
from nas.proxy._idx import Part, find_idx, read_idx
from nas.proxy._images import Images, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Known = MNIST | CIFAR10

DATASETS: Mapping[str, type[Known]] = MappingProxyType(
    {
        "fashion_mnist": FashionMNIST,
        "mnist": MNIST,
        "cifar10": CIFAR10,
        "cifar100": CIFAR100,
    }
)
"""Names for `--data`, and the torchvision class that reads and downloads each."""

CACHE = Path("~/.cache/nas")
"""Where downloads go without `--data-dir`."""
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts its files."""
UNPACKED_FOLDER = Path("data") / DEBIAN_FOLDER.relative_to("/")
"""The same package unpacked without root by `make data`, seen from the working directory."""
_TIMEOUT_S = 15.0
"""For each answer of a mirror; torchvision itself waits for ever."""
_CLASS_COUNTS: Mapping[str, int] = {"fashion_mnist": 10, "mnist": 10}


def read_known(name: str, part: Part, *, data_dir: Path | None, download: bool) -> Source:
    """One part of a known data set; DataError naming the ways to get it where it is missing."""
    kind = DATASETS[name]
    folder = find_idx(_idx_folders(name, data_dir)) if issubclass(kind, MNIST) else None
    if folder is not None:
        images = read_idx(folder, part, num_classes=_CLASS_COUNTS[name])
        classes = tuple(FashionMNIST.classes if name == "fashion_mnist" else MNIST.classes)
    else:
        images, classes = _from_torchvision(name, part, data_dir=data_dir, download=download)
    one_in = 6 if issubclass(kind, MNIST) else 10
    return Source(images=images, class_names=classes, flip=name != "mnist", val_one_in=one_in)


def _idx_folders(name: str, data_dir: Path | None) -> list[Path]:
    raw = Path(DATASETS[name].__name__) / "raw"
    layouts = [root / raw for root in _roots(data_dir)]
    if name != "fashion_mnist":
        return layouts
    # MNIST's files bear the same names, so bare files are taken for Fashion-MNIST alone.
    bare = [data_dir.expanduser()] if data_dir else []
    return [*bare, *layouts[: len(bare)], DEBIAN_FOLDER, UNPACKED_FOLDER, *layouts[len(bare) :]]


def _roots(data_dir: Path | None) -> list[Path]:
    return [root.expanduser() for root in (data_dir, CACHE) if root is not None]


def _from_torchvision(
    name: str, part: Part, *, data_dir: Path | None, download: bool
) -> tuple[Images, tuple[str, ...]]:
    found = _open(name, part, _roots(data_dir), download=download)
    pixels, labels = torch.as_tensor(found.data), torch.as_tensor(found.targets)
    if pixels.ndim == 3:
        pixels = pixels.unsqueeze(1)
    else:
        pixels = pixels.permute(0, 3, 1, 2).contiguous()
    return Images(pixels=pixels, labels=labels.long()), tuple(found.classes)


def _open(name: str, part: Part, roots: list[Path], *, download: bool) -> Known:
    kind, train = DATASETS[name], part == "train"
    for root in roots:
        try:
            return kind(root, train=train, download=False)
        except RuntimeError:  # torchvision's "not found or corrupted"
            continue
    if not download:
        raise DataError(_how_to_get(name, roots, "download is off"))
    try:
        with _short_timeout():
            return kind(roots[0], train=train, download=True)
    except (OSError, RuntimeError, EOFError, HTTPException, tarfile.TarError) as error:
        raise DataError(_how_to_get(name, roots, f"download failed: {error}")) from error


@contextmanager
def _short_timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _how_to_get(name: str, roots: list[Path], reason: str) -> str:
    searched: list[Path] = roots
    ways = [f"give --data-dir DIR with its files in torchvision's layout under {name}'s folder"]
    if issubclass(DATASETS[name], MNIST):
        searched = _idx_folders(name, roots[0] if len(roots) > 1 else None)
        ways = [f"give --data-dir DIR with its files in DIR/{DATASETS[name].__name__}/raw"]
    if name == "fashion_mnist":
        ways = [
            "install Debian's package (apt-get install dataset-fashion-mnist), or unpack it "
            "without root (make data)",
            "give --data-dir DIR with its four *-ubyte.gz files in DIR or DIR/FashionMNIST/raw",
        ]
    ways.append("connect to the network, and torchvision downloads it")
    steps = "".join(f"\n  {number}. {way}" for number, way in enumerate(ways, 1))
    places = ", ".join(str(place) for place in searched)
    return f"{name}: not found in {places}; {_first_line(reason)}. To get it:{steps}"


def _first_line(text: str) -> str:
    return " ".join(text.split())[:200].rstrip(".")
