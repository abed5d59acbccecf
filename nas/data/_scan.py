"""Reading the headers of image files: size, colours, depth; and what is wrong with them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from PIL import Image, UnidentifiedImageError

from nas.data._in_threads import in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

Result = TypeVar("Result")

MOST_PIXELS = 178_956_970
"""Of one file; Pillow's own bound against bombs (2 x MAX_IMAGE_PIXELS)."""
_GREY = {"1", "L", "LA", "La", "I", "F"}
_ORIENTATION = 0x0112
_TURNED_FORMATS = {"JPEG", "MPO", "TIFF", "WEBP"}
"""Formats whose orientation tag can be read without the pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of itself."""

    size: tuple[int, int]
    """(H, W) as it is to be looked at."""
    grey: bool
    deep: bool
    """More than 8 bits, or floats."""
    animated: bool
    transparent: bool
    turned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFile:
    """A file that cannot be used, and why."""

    file: Path
    reason: str


def scan(files: Sequence[Path]) -> list[Header | BadFile]:
    """The header of every file, in their order; a file is opened, never read as a whole."""
    with warnings.catch_warnings(action="ignore"):
        return in_threads(_header, files)


def is_deep(image: Image.Image) -> bool:
    """Whether Pillow keeps more than 8 bits of a pixel."""
    return image.mode.startswith(("I", "F"))


def _header(file: Path) -> Header | BadFile:
    if not file.is_file():
        return BadFile(file=file, reason="no such file" if not file.exists() else "no file")
    return readable(file, _read_header)


def readable(file: Path, use: Callable[[Image.Image], Result]) -> Result | BadFile:
    """What `use` makes of the opened image, or a BadFile: Pillow's readers raise many things."""
    try:
        with Image.open(file) as image:
            if image.width * image.height > MOST_PIXELS:
                return BadFile(
                    file=file,
                    reason=f"{image.width:,} x {image.height:,} pixels, more than {MOST_PIXELS:,}",
                )
            return use(image)
    except UnidentifiedImageError:
        return BadFile(
            file=file, reason="empty" if _is_empty(file) else "no image of a known format"
        )
    except Image.DecompressionBombError:
        return BadFile(file=file, reason=f"more than {MOST_PIXELS:,} pixels")
    except Exception as error:
        return BadFile(file=file, reason=" ".join(f"{error}".split()) or type(error).__name__)


def _is_empty(file: Path) -> bool:
    return file.stat().st_size == 0


def _read_header(image: Image.Image) -> Header:
    turned = image.format in _TURNED_FORMATS and image.getexif().get(_ORIENTATION, 1) != 1
    width, height = image.size
    swapped = turned and image.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
    return Header(
        size=(width, height) if swapped else (height, width),
        grey=image.mode.partition(";")[0] in _GREY or _has_grey_palette(image),
        deep=is_deep(image),
        animated=bool(getattr(image, "is_animated", False)),
        transparent=image.has_transparency_data,
        turned=turned,
    )


def _has_grey_palette(image: Image.Image) -> bool:
    palette = image.getpalette() if image.mode == "P" else None
    return palette is not None and palette[::3] == palette[1::3] == palette[2::3]


def notes(headers: Sequence[Header]) -> Iterator[str]:
    """What was done to which number of files."""
    kinds = (
        ("animated", "animated: the first frame is taken"),
        ("transparent", "transparent: laid on white"),
        ("turned", "turned as their orientation tag says"),
    )
    for name, words in kinds:
        count = sum(getattr(header, name) for header in headers)
        if count:
            yield f"{count:,} {'image is' if count == 1 else 'images are'} {words}."
