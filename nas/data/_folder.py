"""Reading the images of a listing: which part, of which size and colours, and which are bad."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from nas.data import _scan
from nas.data._decode import PixelFormat, decode, find_levels
from nas.data._file_targets import list_masks, output_names, split_key, targets
from nas.data._images import Images, Source
from nas.data._layout import TABLES, list_folder
from nas.data._listing import Listing, Part, Sample
from nas.data._scan import BadFile, Header, scan
from nas.data._split import split_off_test
from nas.data._table import list_table
from nas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from nas.data._options import DataOptions, Task

DEFAULT_SIDE = 64
"""Pixels to which the shorter side is brought down where no size is asked for."""
_TOLD = 8
"""Bad files named one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Divided:
    """The samples of all parts, the test part among them, whether it came with the data or not."""

    train: tuple[Sample, ...]
    val: tuple[Sample, ...]
    test: tuple[Sample, ...]


def read_files(path: Path, part: Part, options: DataOptions) -> Source:
    """The images that a folder holds or a table names: `test`, or what a search may see.

    No test image is opened unless the test part is asked for; of its labels no more is looked at
    than whether they are trained at all. Where the data come without one,
    every seed splits off the same. Raises DataError.
    """
    listing = _listed(path, options)
    classes = output_names(listing, options.task)
    divided = _divide(listing, classes, options.task)
    train, headers, bad = _usable(divided.train)
    val, val_headers, val_bad = _usable(divided.val)
    bad += val_bad + [BadFile(file=file, reason="no file") for file in listing.irregular]
    _refuse(listing, bad, len(divided.train), options)
    form = _choose_format(listing, train + val, headers + val_headers, options)
    reader = _Reader(listing=listing, classes=classes, form=form, options=options)
    chosen = replace(options, resolution=form.shape[1:], channels=form.shape[0])
    common: dict[str, Any] = {
        "class_names": classes,
        "options": chosen,
        "own_shape": _own_shape(headers, form),
        "levels": form.levels,
    }
    if part == "test":
        test, _, test_bad = _usable(divided.test)
        _refuse(listing, test_bad, len(divided.test), options)
        images, kept = reader.read(test)
        return Source(images=images, names=reader.names(kept), **common)
    images, kept = reader.read(train)
    val_images, val_kept = reader.read(val) if val else (None, [])
    return Source(
        images=images,
        names=reader.names(kept),
        val=val_images,
        val_names=reader.names(val_kept),
        test_names=reader.names(divided.test),
        test_is_own="test" in listing.parts,
        groups=_groups(kept, options),
        notes=_notes(listing, classes, headers + val_headers, bad, form, options.task),
        **common,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    listing: Listing
    classes: tuple[str, ...]
    form: PixelFormat
    options: DataOptions

    def read(self, samples: Sequence[Sample]) -> tuple[Images, list[Sample]]:
        """The images of those samples that can be read, and these samples."""
        pixels, bad = decode([sample.file for sample in samples], self.form)
        labels = targets(self.listing, samples, self.classes, self.options.task, self.form)
        if not bad:
            return Images.of(pixels, labels), list(samples)
        _refuse(self.listing, bad, len(samples), self.options)
        broken = {one.file for one in bad}
        kept = [row for row, sample in enumerate(samples) if sample.file not in broken]
        index = torch.tensor(kept, dtype=torch.int64)
        return Images.of(pixels, labels).pick(index), [samples[row] for row in kept]

    def names(self, samples: Iterable[Sample]) -> tuple[str, ...]:
        return tuple(self.listing.name(sample.file) for sample in samples)


def _listed(path: Path, options: DataOptions) -> Listing:
    if path.is_file():
        return list_table(path, group_by=options.group_by)
    if options.task == "segmentation" and not any((path / name).is_file() for name in TABLES):
        return list_masks(path, group_by=options.group_by)
    return list_folder(path, group_by=options.group_by)


def _divide(listing: Listing, classes: tuple[str, ...], task: Task) -> Divided:
    train, val, test = (listing.parts.get(part, ()) for part in ("train", "val", "test"))
    if not train:
        raise DataError(f"{listing.root}: holds no training image.")
    if not test:
        groups = _group_numbers(train)
        rest, taken = split_off_test(split_key(listing, train, classes, task), groups)
        test = tuple(train[row] for row in taken.tolist())
        train = tuple(train[row] for row in rest.sort().values.tolist())
    return Divided(train=train, val=val, test=test)


def _group_numbers(samples: Sequence[Sample]) -> torch.Tensor | None:
    if not any(sample.group for sample in samples):
        return None
    number: dict[str, int] = {}
    return torch.tensor([number.setdefault(one.group, len(number)) for one in samples])


def _groups(samples: Sequence[Sample], options: DataOptions) -> torch.Tensor | None:
    return _group_numbers(samples) if options.group_by else None


def _usable(samples: Sequence[Sample]) -> tuple[list[Sample], list[Header], list[BadFile]]:
    found = scan([sample.file for sample in samples])
    pairs = list(zip(samples, found, strict=True))
    good = [(sample, header) for sample, header in pairs if isinstance(header, Header)]
    bad = [header for header in found if isinstance(header, BadFile)]
    return [sample for sample, _ in good], [header for _, header in good], bad


def _refuse(listing: Listing, bad: Sequence[BadFile], of: int, options: DataOptions) -> None:
    """DataError that names the bad files, unless they are to be skipped."""
    if not bad or (options.skip_bad and len(bad) < of):
        return
    lines = [f"{listing.name(one.file)}: not a readable image ({one.reason})" for one in bad]
    more = f"\n  and {len(lines) - _TOLD:,} more" if len(lines) > _TOLD else ""
    what = "1 file" if len(bad) == 1 else f"{len(bad):,} files"
    raise DataError(
        f"{listing.root}: {what} of {of:,} cannot be used:\n  "
        + "\n  ".join(lines[:_TOLD])
        + more
        + "\nRepair or delete them, or leave them out with `skip_bad`."
    )


def _choose_format(
    listing: Listing, samples: Sequence[Sample], headers: Sequence[Header], options: DataOptions
) -> PixelFormat:
    channels = options.channels or (1 if all(header.grey for header in headers) else 3)
    height, width = options.resolution or _common_size(headers)
    deep = [s.file for s, header in zip(samples, headers, strict=True) if header.deep]
    return PixelFormat(
        shape=(channels, height, width),
        resize=options.resize,
        levels=find_levels(deep) if deep else None,
    )


def _own_shape(headers: Sequence[Header], form: PixelFormat) -> tuple[int, ...]:
    """(C, H, W) of most images before they are resized."""
    return form.shape[0], *Counter(header.size for header in headers).most_common(1)[0][0]


def _common_size(headers: Sequence[Header]) -> tuple[int, int]:
    """(H, W): the images' own where they agree, else a square; no shorter side above 64."""
    sizes = {header.size for header in headers}
    if len(sizes) > 1:
        shorter = sorted(min(header.size) for header in headers)[len(headers) // 2]
        return (min(DEFAULT_SIDE, max(shorter, 4)),) * 2
    ((height, width),) = sizes
    scale = min(1.0, DEFAULT_SIDE / min(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _notes(
    listing: Listing,
    classes: tuple[str, ...],
    headers: Sequence[Header],
    bad: Sequence[BadFile],
    form: PixelFormat,
    task: Task,
) -> tuple[str, ...]:
    said = [*listing.notes, *_scan.notes(headers)]
    if bad:
        said.append(f"Left out as `skip_bad` asks: {len(bad):,} files that cannot be read.")
    if form.levels is not None:
        low, high = form.levels
        said.append(f"Images of more than 8 bits: {low:g} is black and {high:g} is white.")
    said.extend(_size_note(headers, form))
    for part, samples in listing.parts.items() if task == "classification" else ():
        missing = set(classes) - {sample.label for sample in samples}
        if missing:
            said.append(f"The {part} part has no image of {', '.join(sorted(missing)[:5])}.")
    return tuple(said)


def _size_note(headers: Sequence[Header], form: PixelFormat) -> list[str]:
    found = Counter(header.size for header in headers)
    if set(found) == {form.shape[1:]}:
        return []
    words = {"crop": "cut to shape", "pad": "filled with black", "stretch": "stretched"}
    (height, width), _ = found.most_common(1)[0]
    kinds = f"{height}x{width}" + (
        f" and {len(found) - 1:,} other sizes" if len(found) > 1 else ""
    )
    target = "x".join(map(str, form.shape[1:]))
    same_shape = all(h * form.shape[2] == w * form.shape[1] for h, w in found)
    return [
        f"Images of {kinds} are resized to {target}"
        + ("" if same_shape else f", {words[form.resize]} where their shape differs")
        + "."
    ]
