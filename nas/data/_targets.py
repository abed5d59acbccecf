"""What images are labelled with, whatever the task: classes, several of them, masks, numbers.

classification   (N,) int64, or names
multilabel       (N, K) uint8, 0 or 1
segmentation     (N, H, W) uint8, 255 where nobody knows
regression       (N, D) float32
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nas.data._arrays import as_labels, name_classes
from nas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from nas.data._options import Task

    Array = np.ndarray[Any, Any]

UNKNOWN = 255
"""Of a mask: neither learnt nor measured."""
_BINS = 8
"""Of a number to be learnt, by which images are split evenly."""
_SHAPES: dict[Task, str] = {
    "classification": "(N,) integers from 0, or names",
    "multilabel": "(N, K) of 0 and 1",
    "segmentation": "(N, H, W) integers from 0 to 254, or 255 where nobody knows",
    "regression": "(N,) or (N, D) finite numbers",
}


def name_targets(
    path: object, key: str, values: Array, task: Task, given: Sequence[str] | None
) -> tuple[str, ...]:
    """The names of classes or outputs: as given, or their numbers. Raises DataError."""
    if task == "classification":
        return name_classes(path, as_labels(path, key, values), given)
    count = _count(as_targets(path, key, values, task))
    if task == "segmentation" and given is not None:
        count = max(count, len(given))
    if given is not None and len(given) != count:
        raise DataError(f"{path}: {count} outputs in {key}, but {len(given)} class_names.")
    return tuple(given) if given is not None else tuple(map(str, range(count)))


def as_targets(
    path: object, key: str, values: Array, task: Task, classes: Sequence[str] | None = None
) -> Tensor:
    """The labels as a tensor of the task's shape. Raises DataError where they are none."""
    if task == "classification":
        return torch.from_numpy(as_labels(path, key, values, classes))
    found = _TARGETS[task](values)
    if found is None:
        raise DataError(
            f"{path}: {key} has dtype {values.dtype} and shape {values.shape}, which is nothing "
            f"for {task}: write {_SHAPES[task]}, or choose another `task`."
        )
    if classes is not None and _count(found) > len(classes):
        raise DataError(
            f"{path}: {key} has {_count(found)} outputs, and there are {len(classes)}."
        )
    return found


def strata(labels: Tensor) -> Tensor:
    """(N,) int64 by which images are split: classes, sets of classes, or size of the number."""
    if labels.ndim == 1:
        return labels
    if labels.ndim == 3:
        return torch.zeros(len(labels), dtype=torch.int64)
    if labels.dtype == torch.uint8:
        numbers: Tensor = torch.unique(labels, dim=0, return_inverse=True)[1]
        return numbers
    order = labels[:, 0].argsort().argsort()
    bins: Tensor = order * min(_BINS, len(labels)) // len(labels)
    return bins


def class_counts(labels: Tensor, num_classes: int) -> Tensor:
    """(K,) images that show each class; for masks, pixels; for numbers, all images."""
    if labels.ndim == 1:
        return torch.bincount(labels, minlength=num_classes)
    if labels.ndim == 3:
        return torch.bincount(labels.flatten(), minlength=UNKNOWN + 1)[:num_classes]
    if labels.dtype == torch.uint8:
        return labels.long().sum(0)
    return torch.full((num_classes,), len(labels))


def chance(labels: Tensor, num_classes: int) -> float:
    """The accuracy of the best constant answer, in [0, 1]."""
    counts = class_counts(labels, num_classes).double()
    if labels.ndim in (1, 3):
        return float(counts.max() / counts.sum().clamp(min=1))
    if labels.dtype == torch.uint8:
        share = counts / len(labels)
        return float(torch.maximum(share, 1 - share).mean())
    return 0.0


def _count(labels: Tensor) -> int:
    if labels.ndim == 2:
        return int(labels.shape[1])
    known = labels[labels != UNKNOWN]
    return int(known.max()) + 1 if len(known) else 0


def _multilabel(values: Array) -> Tensor | None:
    if values.ndim != 2 or values.dtype.kind not in "buif" or not np.isin(values, (0, 1)).all():
        return None
    return torch.from_numpy(values.astype(np.uint8))


def _masks(values: Array) -> Tensor | None:
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim != 3 or values.dtype.kind not in "bui" or values.min() < 0:
        return None
    return torch.from_numpy(values.astype(np.uint8)) if values.max() <= UNKNOWN else None


def _numbers(values: Array) -> Tensor | None:
    if values.dtype.kind not in "buif" or values.ndim not in (1, 2):
        return None
    numbers = torch.from_numpy(values.astype(np.float32).reshape(len(values), -1))
    return numbers if bool(numbers.isfinite().all()) else None


_TARGETS = {"multilabel": _multilabel, "segmentation": _masks, "regression": _numbers}
