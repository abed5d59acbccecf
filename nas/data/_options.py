"""How the images of a data set are read: size, channels, groups, what becomes of bad files."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from nas.errors import OptionError

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import DataclassInstance

_Settings = TypeVar("_Settings", bound="DataclassInstance")
Resize = Literal["crop", "pad", "stretch"]
Task = Literal["classification", "multilabel", "segmentation", "regression"]
LEAST_SIDE = 4
"""Pixels; smaller images have nothing to convolve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions:
    """What the user says of the data; whatever is None follows from the images themselves."""

    resolution: tuple[int, int] | None = None
    """(H, W) of every image. None keeps the images' own size where all have the same."""
    resize: Resize = "crop"
    """How other shapes get there: what sticks out is cut off, the rest is filled with black, or
    the image is stretched."""
    channels: int | None = None
    """Grey or colour; None reads as grey where all images of a folder are grey."""
    flip: bool | None = None
    """Whether a mirrored image still shows its class; None where nobody said so."""
    group_by: str | None = None
    """A column of the table, an array of the `.npz` file, or the number of a folder level:
    images of one group stay on one side of a split."""
    task: Task = "classification"
    """One class an image, several, one a pixel, or numbers."""
    skip_bad: bool = False
    """Leave out files that cannot be read, rather than refuse the data set."""

    def __post_init__(self) -> None:
        """Raise OptionError on values that no image can have."""
        if self.resize not in get_args(Resize):
            raise OptionError(
                f"`resize` {self.resize}: unknown; write one of {', '.join(get_args(Resize))}"
            )
        if self.task not in get_args(Task):
            raise OptionError(f"`task` {self.task}: write one of {', '.join(get_args(Task))}")
        if self.channels not in (None, 1, 3):
            raise OptionError(f"`channels` {self.channels}: write 1 (grey), 3 (colour) or None")

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> DataOptions:
        """The inverse of `to_plain`."""
        side = plain.get("resolution")
        return cls(**plain | {"resolution": None if side is None else tuple(side)})


DEFAULT_OPTIONS = DataOptions()


def parse_resolution(text: str | None) -> tuple[int, int] | None:
    """`64` -> (64, 64), `40x100` -> (40, 100), as (H, W). Raises OptionError."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,5})(?:x([0-9]{1,5}))?", text.strip())
    height, width = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if min(height, width) < 1 or max(height, width) < LEAST_SIDE:
        raise OptionError(
            f"`resolution` {text}: write pixels, one number for squares or HEIGHTxWIDTH, "
            f"as in 64 or 40x100 (at least {LEAST_SIDE})"
        )
    return height, width


def parse_channels(text: str) -> int | None:
    """`1`, `3`, or None for `auto`. Raises OptionError."""
    known: dict[str, int | None] = {"1": 1, "3": 3, "auto": None}
    if text not in known:
        raise OptionError(f"`channels` {text}: write 1 (grey), 3 (colour) or auto")
    return known[text]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedData:
    """Where the data of something that has begun are now; None: where they were."""

    data: str | None = None
    data_dir: Path | str | None = None

    def applied_to(self, settings: _Settings) -> _Settings:
        """A record with `data` and `data_dir`, which say where they are now."""
        from nas.data._places import absolute_data, absolute_dir  # loads torch

        places: dict[str, Any] = {}
        if self.data is not None:
            places["data"] = absolute_data(self.data)
        if self.data_dir is not None:
            places["data_dir"] = absolute_dir(self.data_dir)
        return replace(settings, **places)


NOT_MOVED = MovedData()
