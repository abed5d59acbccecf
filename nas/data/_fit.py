"""Bringing images that are in memory already to the size and channels asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from nas.data._decode import allocate
from nas.data._images import Images
from nas.data._targets import UNKNOWN

if TYPE_CHECKING:
    from torch import Tensor

    from nas.data._options import DataOptions, Resize

_CHUNK = 1_024
_LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601, as Pillow has it."""


def fit_images(images: Images, options: DataOptions) -> Images:
    """The images at `options.resolution` with `options.channels`; as they are where None."""
    channels, height, width = images.pixels.shape[1:]
    wanted = _channels(channels, options), *(options.resolution or (height, width))
    if wanted == (channels, height, width):
        return images
    pixels = allocate((len(images), *wanted), images.pixels.dtype)
    for start in range(0, len(images), _CHUNK):
        index = torch.arange(start, min(start + _CHUNK, len(images)))
        batch = _coloured(images.rows(index), wanted[0])
        pixels[start : start + _CHUNK] = resize(batch, wanted[1:], options.resize)
    labels = images.labels
    if labels.ndim == 3 and labels.shape[1:] != wanted[1:]:
        labels = resize_masks(labels, wanted[1:], options.resize)
    return Images.of(pixels, labels)


def resize(pixels: Tensor, size: tuple[int, int], how: Resize) -> Tensor:
    """(B, C, H, W) -> (B, C, *size), antialiased; `how` says what becomes of other shapes."""
    height, width = pixels.shape[2:]
    scales = size[0] / height, size[1] / width
    if how == "stretch" or scales[0] == scales[1]:
        return _interpolated(pixels, size)
    if how == "pad":
        scale = min(scales)
        inner = max(1, round(height * scale)), max(1, round(width * scale))
        top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
        edges = (left, size[1] - inner[1] - left, top, size[0] - inner[0] - top)
        return functional.pad(_interpolated(pixels, inner), edges)
    scale = max(scales)
    kept = min(height, max(1, round(size[0] / scale))), min(width, max(1, round(size[1] / scale)))
    top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
    return _interpolated(pixels[:, :, top : top + kept[0], left : left + kept[1]], size)


def resize_masks(masks: Tensor, size: tuple[int, int], how: Resize) -> Tensor:
    """(B, H, W) classes at the places that `resize` leaves them; filled edges are unknown."""
    height, width = masks.shape[1:]
    # Where each pixel comes from: rows and columns go the way that images go.
    rows = torch.arange(1, height + 1, dtype=torch.float32).view(1, 1, -1, 1)
    columns = torch.arange(1, width + 1, dtype=torch.float32).view(1, 1, 1, -1)
    places = [resize(one.expand(1, 1, height, width), size, how)[0, 0] for one in (rows, columns)]
    inside = (places[0] > 0) & (places[1] > 0)
    row, column = (
        (place.round().long() - 1).clamp(0, last - 1)
        for place, last in zip(places, (height, width), strict=True)
    )
    return torch.where(inside, masks[:, row, column], UNKNOWN).to(masks.dtype)


def _interpolated(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(pixels.shape[2:]) == size:
        return pixels
    return functional.interpolate(pixels, size=size, mode="bilinear", antialias=True)


def _channels(own: int, options: DataOptions) -> int:
    return options.channels if options.channels and own in (1, 3) else own


def _coloured(pixels: Tensor, channels: int) -> Tensor:
    if pixels.shape[1] == channels:
        return pixels
    if channels == 3:
        return pixels.expand(-1, 3, -1, -1)
    weights = torch.tensor(_LUMA, dtype=torch.float32)[:, None, None]
    grey = (pixels.float() * weights).sum(1, keepdim=True)
    return grey.round().to(pixels.dtype) if pixels.dtype == torch.uint8 else grey
