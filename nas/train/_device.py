"""Images where a network is trained: on its device, or read from disk batch by batch."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from nas.data import Images


def on_device(images: Images, device: str | torch.device) -> Images:
    """All of it on the device; only the labels where the images are mapped from disk."""
    if images.is_mapped:
        return replace(images, labels=images.labels.to(device))
    return Images(pixels=images.pixels.to(device), labels=images.labels.to(device))


def slice_of(images: Images, start: int, stop: int) -> Tensor:
    """(B, C, H, W) images from `start` on, before `stop`."""
    if images.is_mapped:
        return images.rows(torch.arange(start, min(stop, len(images))))
    return images.pixels[start:stop]
