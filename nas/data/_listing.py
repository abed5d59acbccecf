"""Which files are in which part of a data set, and what they show: known before any is opened."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Part = Literal["train", "val", "test"]
PART_NAMES: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What folders and tables call the parts, in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One file and what it shows."""

    file: Path
    label: str
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The samples of each part that the data come with; `train` is always there."""

    root: Path
    parts: Mapping[Part, tuple[Sample, ...]]
    irregular: tuple[Path, ...] = ()
    """Named as images, but no files that can be read."""
    notes: tuple[str, ...] = ()

    def name(self, file: Path) -> str:
        """How a file is called in messages and in `split.json`: below the root, where it is."""
        inside = file.is_relative_to(self.root)
        return str(file.relative_to(self.root) if inside else file)


def part_of(name: str) -> Part | None:
    """The part that a folder's or a cell's name means."""
    return PART_NAMES.get(name.strip().lower())


def class_names(listing: Listing) -> tuple[str, ...]:
    """The classes of the training part, in order; numbers by their value.

    DataError where another part has a class that is never trained.
    """
    names = {sample.label for sample in listing.parts["train"]}
    for part, samples in listing.parts.items():
        check_trained(listing, part, names, {sample.label for sample in samples})
    return in_order(names)


def check_trained(listing: Listing, part: Part, names: set[str], others: set[str]) -> None:
    """DataError where a part has classes, `others`, that are not among the trained `names`."""
    odd = sorted(others - names)
    if odd:
        raise DataError(
            f"{listing.root}: the {part} part has classes that the training part has not: "
            f"{', '.join(odd[:5])} (training: {', '.join(in_order(names)[:5])}). Name them "
            "alike, or move them away."
        )


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names by alphabet, or by value where all are whole numbers."""
    wanted = set(names)
    if all(re.fullmatch(r"-?[0-9]+", name) for name in wanted):
        return tuple(sorted(wanted, key=lambda name: (int(name), name)))
    return tuple(sorted(wanted))


def sizes(samples: Iterable[Sample]) -> Counter[str]:
    """Images of each class."""
    return Counter(sample.label for sample in samples)
