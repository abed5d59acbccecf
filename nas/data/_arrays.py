"""Arrays of images and labels, from a file or a user's loader: checked, and made tensors."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nas.data._images import memory_budget
from nas.data._listing import in_order
from nas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    Array = np.ndarray[Any, Any]

FORMAT = (
    "a .npz file holds images (integers or floats, (N, H, W) or (N, H, W, C), or order='NCHW') "
    "and labels (integers or names, (N,)), optionally val_images, val_labels, test_images, "
    "test_labels and class_names"
)
_CHUNK = 4_096
"""Images looked through at a time."""


def as_images(path: object, key: str, values: Array, order: str = "NHWC") -> tuple[Tensor, bool]:
    """(N, C, H, W) uint8 or float32, and whether they lie between 0 (black) and 255 (white).

    uint8 stays as it is, uint16 is divided by 257. Floats and signed integers become float32;
    they may lie anywhere. Raises DataError.
    """
    if order not in ("NHWC", "NCHW"):
        raise DataError(f"{path}: order is '{order}'; write NHWC or NCHW.")
    if values.dtype.kind not in "buif":
        raise DataError(f"{path}: {key} has dtype {values.dtype}, no numbers; {FORMAT}.")
    allowed = (3, 4) if order == "NHWC" else (4,)
    if values.ndim not in allowed or 0 in values.shape:
        raise DataError(f"{path}: {key} has shape {values.shape}; {FORMAT}.")
    if order == "NHWC":
        _check_channels_last(path, key, values.shape)
    return _as_tensor(path, key, values, order)


def _check_channels_last(path: object, key: str, shape: tuple[int, ...]) -> None:
    if len(shape) == 4 and shape[1] <= 4 < shape[3]:
        raise DataError(
            f"{path}: {key} has shape {shape}, which as (N, H, W, C) is {shape[1]} pixels high "
            f"with {shape[3]} channels; if channels come first, say so with "
            "np.savez(..., order='NCHW')."
        )


def _as_tensor(path: object, key: str, values: Array, order: str) -> tuple[Tensor, bool]:
    kind = str(values.dtype)
    if values.dtype == np.bool_:
        values, kind = values.view(np.uint8) * np.uint8(255), "uint8"
    if kind == "uint8":
        return _channels_first(_tensor(_native(values)), order), True
    if kind != "float32" and values.nbytes > memory_budget():
        raise DataError(
            f"{path}: {key} is {values.nbytes:,} bytes of {kind}, which do not fit into memory; "
            "write it as uint8 or float32, and it is read from disk as it is needed."
        )
    if values.dtype.kind == "f":
        _check_finite(path, key, values)
    floats = _native(values).astype(np.float32, copy=False)
    if kind == "uint16":
        floats = floats / np.float32(257)
    return _channels_first(_tensor(floats), order), kind == "uint16"


def _tensor(values: Array) -> Tensor:
    with warnings.catch_warnings():
        # What is mapped from a file is read only; its rows are copied before they are used.
        warnings.filterwarnings("ignore", message=".*not writable")
        return torch.from_numpy(values)


def _native(values: Array) -> Array:
    """In this machine's byte order; torch knows no other."""
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _channels_first(pixels: Tensor, order: str) -> Tensor:
    if pixels.ndim == 3:
        return pixels.unsqueeze(1)
    moved = pixels if order == "NCHW" else pixels.permute(0, 3, 1, 2)
    # A copy of what is mapped from disk would not fit into memory: its rows are copied later.
    large = moved.numel() * moved.element_size() > memory_budget()
    return moved if large else moved.contiguous()


def _check_finite(path: object, key: str, values: Array) -> None:
    for start in range(0, len(values), _CHUNK):
        chunk = values[start : start + _CHUNK].reshape(len(values[start : start + _CHUNK]), -1)
        good = np.isfinite(chunk).all(1)
        if not good.all():
            raise DataError(
                f"{path}: {key}[{start + int(good.argmin())}] has values that are NaN or "
                "infinite; replace them, or leave the image out."
            )


def as_labels(
    path: object, key: str, values: Array, classes: Sequence[str] | None = None
) -> Array:
    """(N,) int64; names become numbers where `classes` are given. Raises DataError."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if not len(values):
        raise DataError(f"{path}: {key} is empty; {FORMAT}.")
    if values.dtype.kind not in "iuUS" or values.ndim != 1:
        number = values.dtype.kind == "f" and values.ndim == 1
        hint = " Are they numbers to predict? Then `task` is regression." if number else ""
        raise DataError(
            f"{path}: {key} has dtype {values.dtype} and shape {values.shape}; {FORMAT}.{hint}"
        )
    if values.dtype.kind in "US":
        return _numbered(path, key, values.astype(str), classes)
    if values.min() < 0:
        raise DataError(f"{path}: {key} goes down to {values.min()}; classes count from 0.")
    highest = int(values.max())
    if classes is not None and highest >= len(classes):
        raise DataError(
            f"{path}: {key} go up to {highest}, but there are {len(classes)} classes, "
            "counted from 0."
        )
    if highest > np.iinfo(np.int64).max:
        raise DataError(f"{path}: {key} go up to {highest}; classes are numbered from 0.")
    return values.astype(np.int64)


def _numbered(path: object, key: str, names: Array, classes: Sequence[str] | None) -> Array:
    if classes is None:
        return names
    number = {name: index for index, name in enumerate(classes)}
    odd = sorted(set(names.tolist()) - set(number))
    if odd:
        raise DataError(
            f"{path}: {key} has classes that the training labels have not: {', '.join(odd[:5])}."
        )
    return np.array([number[name] for name in names.tolist()], dtype=np.int64)


def name_classes(path: object, labels: Array, given: Sequence[str] | None) -> tuple[str, ...]:
    """The names of the classes: as given, as the labels have them, or their numbers."""
    if labels.dtype.kind == "U":
        return tuple(given) if given is not None else in_order(labels.tolist())
    highest = int(labels.max())
    if given is not None:
        if highest >= len(given):
            raise DataError(f"{path}: labels go up to {highest} for {len(given)} class_names.")
        return tuple(given)
    if highest >= len(labels):
        raise DataError(
            f"{path}: labels go up to {highest} for {len(labels)} images; classes are numbered "
            "from 0, with no number left out."
        )
    return tuple(str(label) for label in range(highest + 1))
