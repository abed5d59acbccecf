"""Bringing images that are in memory already to the size and channels asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from nas.data._decode import allocate

if TYPE_CHECKING:
    from torch import Tensor

    from nas.data._images import Images
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
    return replace(images, pixels=pixels, index=None)


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
