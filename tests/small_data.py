"""Small data that anyone can make: coloured blobs, one place per class."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from nas.data import load_data

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data import ImageData

Array = np.ndarray[Any, Any]


def blobs(count: int, classes: int = 4, side: int = 16, seed: int = 0) -> tuple[Array, Array]:
    """Noise with a bright square whose place tells the class; labels in turn 0, 1, ..."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    images = rng.integers(0, 90, (count, side, side), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = divmod(int(label), 2)
        image[top * 8 + 1 : top * 8 + 7, left * 8 + 1 : left * 8 + 7] += 100
    return images, labels


def brightness_steps(folder: Path) -> ImageData:
    """240 images of 8x8 in three classes: the brighter, the higher the class."""
    labels = np.arange(240) % 3
    noise = np.random.default_rng(0).integers(0, 40, (240, 8, 8), dtype=np.uint8)
    path = folder / "steps.npz"
    np.savez(path, images=noise + (90 * labels).astype(np.uint8)[:, None, None], labels=labels)
    return load_data(str(path))


def write_idx(path: Path, values: Array, *, zipped: bool = True) -> None:
    """`values` (uint8) in the format of MNIST's files: magic number, sizes, bytes."""
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    content = bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    if zipped:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))
    else:
        path.write_bytes(content)


def write_mnist_like(folder: Path, *, zipped: bool = True) -> None:
    """120 training and 20 test images of 10 classes; image i of a part is all i."""
    for prefix, count in (("train", 120), ("t10k", 20)):
        images = np.arange(count, dtype=np.uint8)[:, None, None].repeat(28, 1).repeat(28, 2)
        write_idx(folder / f"{prefix}-images-idx3-ubyte", images, zipped=zipped)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", np.arange(count) % 10, zipped=zipped)


def tiny_cnn(in_channels: int = 1, num_classes: int = 4) -> nn.Sequential:
    """A network that learns blobs in a second, with dropout and a norm."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 8, 3, stride=2, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(8 * 16, num_classes),
    )
