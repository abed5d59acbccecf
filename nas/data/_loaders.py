"""Data from a user's own function: registered under a name, or named as `module:function`."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from nas.data._arrays import as_images
from nas.data._images import Images, Source
from nas.data._known import DATASETS
from nas.data._split import split_off_test
from nas.data._targets import as_targets, name_targets, strata
from nas.errors import DataError, OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.data._listing import Part
    from nas.data._options import DataOptions, Task


class Loader(Protocol):
    """A function of the user's own that gives images and labels."""

    def __call__(self, part: Part, /) -> Sequence[Any] | None:
        """`(images, labels)` of one part, or `(images, labels, class_names)`.

        Args:
            part: `train`, `val` or `test`.

        Returns:
            images: (N, H, W) or (N, H, W, C), integers or floats.
            labels: (N,) integers from 0, or names.
            None where there is no such part; it is split off `train` then.
        """
        ...


_LOADERS: dict[str, Loader] = {}


def register(name: str, loader: Loader) -> None:
    """Make `name` stand for data of your own, wherever the name of a data set is asked for.

    A search hands the function on to its workers. `nas resume` and other commands know it only
    as `module:function`. Raises OptionError on a name that is taken or looks like a path.
    """
    if name in DATASETS or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name):
        raise OptionError(
            f"register('{name}', ...): write letters, digits, - and _, and none of "
            f"{', '.join(DATASETS)}"
        )
    _LOADERS[name] = loader


def find_loader(name: str) -> Loader | None:
    """What `name` stands for; None where it is no loader's. Raises DataError."""
    if name in _LOADERS:
        return _LOADERS[name]
    match = re.fullmatch(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)", name)
    if match is None:
        return None
    try:
        found: Loader = getattr(importlib.import_module(match[1]), match[2])
    except (ImportError, AttributeError) as error:
        raise DataError(
            f"{name}: these data cannot be imported ({error}); write module:function, the module "
            "being where Python finds it (PYTHONPATH)."
        ) from error
    return found


def read_loader(name: str, loader: Loader, part: Part, options: DataOptions) -> Source:
    """One part of what a loader gives. The test part is not asked for before it is needed."""
    if options.group_by is not None:
        raise OptionError(f"`group_by` {options.group_by}: {name} gives no groups; drop it")
    given = _call(name, loader, "train")
    if given is None:
        raise DataError(f"{name}: its loader gave no training images.")
    names = given[2] if len(given) > 2 else None
    classes = name_targets(name, "labels", np.asarray(given[1]), options.task, names)
    images, bounded = _images(name, given, classes, options.task)
    common: dict[str, Any] = {"class_names": classes, "bounded": bounded, "options": options}
    if part == "test":
        own = _call(name, loader, "test")
        test = _images(name, own, classes, options.task)[0] if own is not None else None
        taken = split_off_test(strata(images.labels))[1]
        return Source(images=images.pick(taken) if test is None else test, **common)
    val = _call(name, loader, "val")
    # Only whether there is a test part is asked here; its images are not looked at.
    has_test = _call(name, loader, "test") is not None
    rest = torch.arange(len(images)) if has_test else split_off_test(strata(images.labels))[0]
    return Source(
        images=images.pick(rest),
        names=rest.tolist(),
        val=_images(name, val, classes, options.task)[0] if val is not None else None,
        test_is_own=has_test,
        **common,
    )


def _call(name: str, loader: Loader, part: Part) -> Sequence[Any] | None:
    given = loader(part)
    if given is None or (isinstance(given, (tuple, list)) and len(given) in (2, 3)):
        return given
    raise DataError(
        f"{name}: its loader gave {type(given).__name__} for {part}; return (images, labels), "
        "(images, labels, class_names) or None."
    )


def _images(
    name: str, given: Sequence[Any], classes: tuple[str, ...], task: Task
) -> tuple[Images, bool]:
    pixels, bounded = as_images(name, "images", np.asarray(given[0]))
    labels = as_targets(name, "labels", np.asarray(given[1]), task, classes)
    if len(labels) != len(pixels):
        raise DataError(f"{name}: its loader gave {len(pixels)} images and {len(labels)} labels.")
    return Images(pixels=pixels, labels=labels), bounded
