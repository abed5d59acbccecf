"""From files to pixels of one shape: orientation, transparency, depth, colours, size."""

from __future__ import annotations

import math
import mmap
import tempfile
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image, ImageOps

from nas.data._array_file import random_access
from nas.data._images import memory_budget
from nas.data._in_threads import in_threads
from nas.data._scan import BadFile, is_deep, readable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from nas.data._options import Resize

_MODES = {1: "L", 3: "RGB"}
_WHITE = (255, 255, 255, 255)


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFormat:
    """What every image is turned into."""

    shape: tuple[int, int, int]
    """(C, H, W), C being 1 or 3."""
    resize: Resize
    levels: tuple[float, float] | None = None
    """The values that become black and white, where images have more than 8 bits."""


def decode(files: Sequence[Path], form: PixelFormat) -> tuple[Tensor, list[BadFile]]:
    """(N, C, H, W) uint8 in the order of `files`, and the files that cannot be read.

    Rows of bad files are left as they are. What is too large for memory is a file in the
    system's folder for temporary files, mapped, which goes when the tensor goes.
    """
    pixels = allocate((len(files), *form.shape))

    def read(row: int) -> BadFile | None:
        def fill(image: Image.Image) -> None:
            pixels[row] = torch.from_numpy(_fitted(image, form))

        bad: BadFile | None = readable(files[row], fill)
        return bad

    with warnings.catch_warnings(action="ignore"):
        found = in_threads(read, range(len(files)))
    return pixels, [bad for bad in found if bad is not None]


def find_levels(files: Sequence[Path]) -> tuple[float, float]:
    """What is black and what is white in images of more than 8 bits: found from all of them.

    Whole numbers count from 0 to the last of their bit depth (4,095 of 12 bits, if no value is
    above that). Floats in [0, 1] and in [0, 255] are taken so; others from least to greatest.
    """
    with warnings.catch_warnings(action="ignore"):
        found = in_threads(lambda file: readable(file, _range), files)
    ranges = [one for one in found if isinstance(one, tuple)]
    if not ranges:
        return 0.0, 255.0
    low, high = min(one[0] for one in ranges), max(one[1] for one in ranges)
    if low < 0 or not np.isfinite([low, high]).all():
        return low, max(high, low + 1e-12)
    if any(one[2] for one in ranges):  # floats
        return (0.0, 1.0) if high <= 1 else (0.0, 255.0) if high <= 255 else (low, high)
    depths = [2.0**bits - 1 for bits in (8, 10, 12, 14, 16, 24, 32)]
    return 0.0, next(top for top in depths if high <= top)


def _range(image: Image.Image) -> tuple[float, float, bool]:
    values = np.asarray(image)
    return float(values.min()), float(values.max()), values.dtype.kind == "f"


def allocate(shape: tuple[int, ...], dtype: torch.dtype = torch.uint8) -> Tensor:
    """An empty tensor in memory, or in an unnamed temporary file where memory is too small."""
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes <= memory_budget():
        return torch.empty(shape, dtype=dtype)
    with tempfile.TemporaryFile() as file:
        file.truncate(nbytes)
        mapping = random_access(mmap.mmap(file.fileno(), nbytes))
    return torch.frombuffer(mapping, dtype=dtype).view(shape)


def _fitted(image: Image.Image, form: PixelFormat) -> np.ndarray[Any, Any]:
    """(C, H, W) uint8."""
    channels, height, width = form.shape
    # JPEG alone: decoded at the least scale that is large enough. Its sides may still be swapped.
    image.draft(None, (2 * max(height, width),) * 2)
    upright = ImageOps.exif_transpose(image)
    plain = _plain(upright, _MODES[channels], form.levels)
    values = np.asarray(_resized(plain, (width, height), form.resize))
    return np.ascontiguousarray(values.reshape(height, width, channels).transpose(2, 0, 1))


def _plain(image: Image.Image, mode: str, levels: tuple[float, float] | None) -> Image.Image:
    """8 bits a channel, nothing transparent."""
    if is_deep(image):
        low, high = levels or (0.0, 255.0)
        scaled = (np.asarray(image, dtype=np.float64) - low) * (255 / (high - low))
        image = Image.fromarray(np.nan_to_num(scaled).clip(0, 255).round().astype(np.uint8))
    elif image.has_transparency_data:
        colours = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", colours.size, _WHITE), colours)
    return image if image.mode == mode else image.convert("RGB").convert(mode)


def _resized(image: Image.Image, size: tuple[int, int], how: Resize) -> Image.Image:
    if image.size == size:
        return image
    smooth = Image.Resampling.BILINEAR
    if how == "stretch":
        return image.resize(size, smooth)
    if how == "pad":
        return ImageOps.pad(image, size, smooth)
    return ImageOps.fit(image, size, smooth)
