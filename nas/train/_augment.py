"""Augmentation and normalisation of whole batches, as tensors; no image object is made."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def augment(pixels: Tensor, generator: torch.Generator, *, flip: bool) -> Tensor:
    """Shift each image at random by up to H // 8 pixels; mirror half of them where `flip`.

    What shifts in from outside is 0. The same as padding with H // 8 zeros, a random crop and
    a random horizontal flip of each image by itself.

    Args:
        pixels: (B, C, H, W) uint8.
        generator: On the CPU; draws (2, B) offsets, then B coins where `flip`.
        flip: Whether half of the images are mirrored left to right.

    Returns:
        (B, C, H, W) uint8, a copy.
    """
    batch, _, height, width = pixels.shape
    pad = max(1, height // 8)
    down, right = torch.randint(2 * pad + 1, (2, batch), generator=generator).to(pixels.device)
    padded = functional.pad(pixels, (pad, pad, pad, pad))
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    cropped = windows[torch.arange(batch, device=pixels.device), :, down, right]
    if not flip:
        return cropped
    mirrored = (torch.rand(batch, generator=generator) < 0.5).to(pixels.device)
    return torch.where(mirrored[:, None, None, None], cropped.flip(3), cropped)


class Normalizer:
    """(B, C, H, W) uint8 -> float32 with mean 0 and deviation 1 per channel."""

    def __init__(
        self, mean: tuple[float, ...], std: tuple[float, ...], device: torch.device
    ) -> None:
        """Keep the two constants of x * scale + shift on `device`."""
        spread = torch.tensor(std, dtype=torch.float32, device=device)
        centre = torch.tensor(mean, dtype=torch.float32, device=device)
        self._scale = (1 / (255 * spread))[:, None, None]
        self._shift = (-centre / spread)[:, None, None]

    def __call__(self, pixels: Tensor) -> Tensor:
        """Cast and normalise."""
        return pixels.float().mul_(self._scale).add_(self._shift)


def resized(pixels: Tensor, side: int | None) -> Tensor:
    """(N, C, H, W) with the shorter side resized to `side`, antialiased; unchanged where None.

    Images keep their shape: squares stay squares, 40x100 becomes 20x50.
    """
    height, width = pixels.shape[2:]
    if side is None or min(height, width) == side:
        return pixels
    scale = side / min(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return functional.interpolate(pixels, size=size, mode="bilinear", antialias=True)
