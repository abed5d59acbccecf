"""Loading data for a search: training and validation, never the test part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from nas.data._fit import fit_images
from nas.data._flip import probe_flip
from nas.data._folder import read_files
from nas.data._images import ImageData, Images, Source, Split, channel_stats
from nas.data._known import DATASETS, read_known
from nas.data._loaders import Loader, find_loader, read_loader
from nas.data._npz import read_npz
from nas.data._options import DEFAULT_OPTIONS, DataOptions
from nas.data._split import split, stratified_order
from nas.data._stall import unless_stalled
from nas.data._targets import class_counts, strata
from nas.errors import DataError, OptionError
from nas.names import near

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.data._listing import Part

TABLE_SUFFIXES = (".csv", ".tsv")
_MIN_PER_CLASS = 3
"""One image each to train, to validate and to test."""


def load_data(
    name_or_path: str,
    *,
    data_dir: Path | None = None,
    seed: int = 0,
    download: bool = True,
    options: DataOptions = DEFAULT_OPTIONS,
    loader: Loader | None = None,
) -> ImageData:
    """Read the training part of a data set and split validation images off it.

    Args:
        name_or_path: A name in `DATASETS` or of `register`, `module:function`, a folder of
            images, a table of files and labels (`.csv`), or a `.npz` file.
        data_dir: Looked in first for a known data set, and where a download goes.
        seed: Fixes which images validate, where the data don't say. It has no say in which
            images test.
        download: Whether a known data set that isn't found may be downloaded.
        options: Size, channels and what else the user says of the images.
        loader: The function that `name_or_path` stands for, where nobody registered it.

    Raises:
        DataError: The data are unknown, missing or unusable.
        OptionError: The options do not fit the data.
    """
    source = _read(name_or_path, "train", data_dir, download, options, loader)
    _check_classes(name_or_path, source)
    rest, taken = _split(source, seed)
    parts = _parts(source, rest, taken)
    train, val = (fit_images(images, options) for images in parts)
    # Of the images as they were found, so that resizing them does not change how they are seen.
    own = parts[0] if parts[0].pixels.shape[1] == train.pixels.shape[1] else train
    mean, std = channel_stats(own)
    flip, reason = _flip(source, options, train)
    _, channels, height, width = train.pixels.shape
    chosen = replace(source.options, resolution=(height, width), flip=flip)
    return ImageData(
        name=name_or_path,
        class_names=source.class_names,
        flip=flip,
        mean=mean,
        std=std,
        train=train,
        val=val,
        bounded=source.bounded,
        options=replace(chosen, channels=channels if channels in (1, 3) else None),
        split=_split_record(source, rest, taken),
        notes=source.notes,
        flip_reason=reason,
        found_shape=source.own_shape or tuple(source.images.pixels.shape[1:]),
        levels=source.levels,
    )


def load_test(
    name_or_path: str,
    *,
    data_dir: Path | None = None,
    download: bool = True,
    options: DataOptions = DEFAULT_OPTIONS,
    loader: Loader | None = None,
) -> Images:
    """Read the test part, for a final verdict; the same images whatever a search's seed was.

    Takes what `load_data` takes, and raises the same errors.
    """
    source = _read(name_or_path, "test", data_dir, download, options, loader)
    return fit_images(source.images, options)


def _flip(source: Source, options: DataOptions, train: Images) -> tuple[bool, str]:
    if options.flip is not None:
        return options.flip, "as asked for"
    if source.flip is not None:
        return source.flip, "as is usual for this data set"
    if source.options.task != "classification":
        return False, f"not known for {source.options.task}; say `flip`"
    return probe_flip(train, len(source.class_names))


def _read(
    name: str,
    part: Part,
    data_dir: Path | None,
    download: bool,
    options: DataOptions,
    loader: Loader | None,
) -> Source:
    if name in DATASETS:
        _refuse_options(name, options)
        known = unless_stalled(
            lambda: read_known(name, part, data_dir=data_dir, download=download), name
        )
        return replace(known, options=options)
    path = Path(name).expanduser()
    source = unless_stalled(lambda: _read_path(path, part, options), name)
    if source is not None:
        return source
    found = loader or find_loader(name)
    if found is not None:
        # A user's own may take its time, and wait for whatever it likes.
        return read_loader(name, found, part, options)
    raise DataError(_unknown(name, path))


def _read_path(path: Path, part: Part, options: DataOptions) -> Source | None:
    """The data of a folder, a table or an archive; None where it is none of these."""
    if path.is_dir() or (path.is_file() and path.suffix.lower() in TABLE_SUFFIXES):
        return read_files(path, part, options)
    if path.is_file() and path.suffix.lower() == ".npz":
        return read_npz(path, part, options)
    return None


def _refuse_options(name: str, options: DataOptions) -> None:
    if options.group_by is not None:
        raise OptionError(f"`group_by` {options.group_by}: {name} has no groups; drop it")
    if options.task != "classification":
        raise OptionError(f"`task` {options.task}: {name} is for classification; drop it")


def _split(source: Source, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of the images to train with, and to validate with: of `val`, where it is there."""
    images, val = source.images, source.val
    if val is None:
        return split(
            strata(images.labels), one_in=source.val_one_in, seed=seed, groups=source.groups
        )
    # Given parts stay as they are; only their order follows the seed.
    return (
        stratified_order(strata(images.labels), seed),
        stratified_order(strata(val.labels), seed),
    )


def _parts(source: Source, rest: torch.Tensor, taken: torch.Tensor) -> tuple[Images, Images]:
    return source.images.pick(rest), (source.val or source.images).pick(taken)


def _split_record(source: Source, rest: torch.Tensor, taken: torch.Tensor) -> Split | None:
    if not len(source.names):
        return None
    own_val = source.val is not None
    made = (*(() if own_val else ("val",)), *(() if source.test_is_own else ("test",)))
    return Split(
        train=_named(source.names, rest),
        val=_named(source.val_names if own_val else source.names, taken),
        test=source.test_names,
        made=made,
    )


def _named(names: Sequence[str | int], rows: torch.Tensor) -> Sequence[str | int]:
    return [names[row] for row in rows.tolist()]


def _check_classes(name: str, source: Source) -> None:
    if source.options.task in ("segmentation", "regression"):
        return
    if len(source.class_names) < 2 and source.options.task == "classification":
        raise DataError(f"{name}: has a single class, {source.class_names[0]}; two are needed.")
    counts = class_counts(source.images.labels, len(source.class_names))
    least = int(counts.argmin())
    if counts[least] < _MIN_PER_CLASS:
        raise DataError(
            f"{name}: class {source.class_names[least]} has {int(counts[least])} images to train "
            f"and validate with; each class needs at least {_MIN_PER_CLASS} (labels count from 0, "
            "with no number left out)."
        )


def _unknown(name: str, path: Path) -> str:
    allowed = (
        "(allowed: a folder of images, a .csv table of files and labels, a .npz file, "
        f"module:function, or a known data set: {', '.join(DATASETS)})"
    )
    if path.is_file():
        return f"{name}: a file that is neither .npz nor .csv {allowed}"
    if path.exists():
        return f"{name}: is a pipe, socket or device, and has to be a file {allowed}"
    if path.suffix in (".npz", *TABLE_SUFFIXES):
        return f"{name}: no such file of data {allowed}"
    hint = near(name.lower().replace("-", "_"), DATASETS)
    return f"{name}: neither a known data set nor a folder or file that is there{hint} {allowed}"
