"""Augmentation and normalisation of whole batches, as tensors; no image object is made.

Each image has draws of its own. What works on pixels takes and gives (B, C, H, W), uint8 or
float32 on the same scale.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from nas.train._rand_augment import rand_augment, turning, warp

if TYPE_CHECKING:
    from nas.train._recipe import Augmentation

_SMALLEST_ERASED = 0.02
"""Share of an image (Zhong et al., 2020, section 4)."""
_LONGEST_ERASED = 3.3
"""Ratio of the sides of what is erased, at most (the same)."""


class Augmenter:
    """Changes batches of training images as a recipe says."""

    def __init__(
        self,
        recipe: Augmentation,
        generator: torch.Generator,
        mean: tuple[float, ...],
        *,
        flip: bool,
    ) -> None:
        """Keep what is drawn from, and the mean colour (of [0, 1]) that erases.

        Args:
            recipe: What is done to each image.
            generator: On the CPU.
            mean: Per channel.
            flip: Whether a mirrored image keeps its class.
        """
        self._recipe, self._generator = recipe, generator
        self._flip = flip and recipe.flip
        self._fill = 255 * torch.tensor(mean)

    def __call__(self, pixels: Tensor) -> Tensor:
        """The batch, changed; the same tensor where the recipe asks for nothing."""
        recipe, generator = self._recipe, self._generator
        if recipe.crop:
            pixels = crop(pixels, generator, pads=_pads(recipe.crop, *pixels.shape[2:]))
        if self._flip:
            pixels = mirror(pixels, generator)
        if recipe.rotation:
            pixels = rotate(pixels, generator, degrees=recipe.rotation)
        if recipe.rand_augment is not None:
            chosen = recipe.rand_augment
            pixels = rand_augment(pixels, generator, ops=chosen.ops, magnitude=chosen.magnitude)
        if recipe.erasing:
            pixels = erase(
                pixels, generator, share=recipe.erasing, area=recipe.erasing_area, fill=self._fill
            )
        return pixels


def augment_with_masks(augment: Augmenter, pixels: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Images and (B, H, W) classes, shifted, mirrored and turned alike.

    Masks go as one more channel, a class up: what comes in from outside is 0 there, and so
    neither learnt nor measured (255).
    """
    raised = (masks.to(torch.int16) + 1) % 256
    both = augment(torch.cat([pixels, raised[:, None].to(pixels.dtype)], 1))
    return both[:, :-1], ((both[:, -1].to(torch.int16) - 1) % 256).to(masks.dtype)


def crop(pixels: Tensor, generator: torch.Generator, *, pads: tuple[int, int]) -> Tensor:
    """Shift each image at random by up to `pads` pixels down and right, or up and left.

    What comes in from outside is 0: the same as padding with zeros and a random crop of each
    image by itself.
    """
    batch, _, height, width = pixels.shape
    down, right = (
        torch.randint(2 * pad + 1, (batch,), generator=generator).to(pixels.device) for pad in pads
    )
    padded = functional.pad(pixels, (pads[1], pads[1], pads[0], pads[0]))
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(batch, device=pixels.device), :, down, right]


def _pads(share: float, height: int, width: int) -> tuple[int, int]:
    """Pixels of zeros above and beside; a signal of one row is not shifted out of sight."""
    down, right = (0 if side == 1 else max(1, int(share * side)) for side in (height, width))
    return down, right


def mirror(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror half of the images left to right, by a coin for each."""
    mirrored = (torch.rand(len(pixels), generator=generator) < 0.5).to(pixels.device)
    return torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)


def rotate(pixels: Tensor, generator: torch.Generator, *, degrees: float) -> Tensor:
    """Turn each image about its centre by up to `degrees` either way; nearest pixel, 0 outside."""
    angles = (2 * torch.rand(len(pixels), generator=generator) - 1) * math.radians(degrees)
    return warp(pixels, turning(angles, *pixels.shape[2:]))


def erase(
    pixels: Tensor, generator: torch.Generator, *, share: float, area: float, fill: Tensor
) -> Tensor:
    """Fill a rectangle of `share` of the images with one colour (arXiv 1708.04896).

    Args:
        pixels: (B, C, H, W) uint8.
        generator: On the CPU.
        share: Of images that lose a rectangle.
        area: Its largest share of the image.
        fill: (C,) on the scale of the pixels.
    """
    batch, _, height, width = pixels.shape
    chosen, size, ratio, top, left = torch.rand((5, batch), generator=generator)
    lost = _SMALLEST_ERASED + (area - _SMALLEST_ERASED) * size
    stretch = torch.exp(math.log(_LONGEST_ERASED) * (2 * ratio - 1))
    high = (lost * height * width * stretch).sqrt().round().clamp(1, height)
    wide = (lost * height * width / stretch).sqrt().round().clamp(1, width)
    box = inside(top, left, high, wide, height, width) & (chosen < share)[:, None, None]
    colour = fill if pixels.is_floating_point() else fill.round()
    filled = colour.to(pixels.device, pixels.dtype)[None, :, None, None]
    return torch.where(box.to(pixels.device)[:, None], filled, pixels)


def inside(
    top: Tensor, left: Tensor, high: Tensor, wide: Tensor, height: int, width: int
) -> Tensor:
    """(B, H, W) of whether a pixel is in its image's rectangle.

    `top` and `left` in [0, 1) say where it lies among all places where it fits.
    """
    first_row = (top * (height - high + 1)).floor()[:, None]
    first_column = (left * (width - wide + 1)).floor()[:, None]
    rows, columns = torch.arange(height)[None], torch.arange(width)[None]
    in_rows = (rows >= first_row) & (rows < first_row + high[:, None])
    in_columns = (columns >= first_column) & (columns < first_column + wide[:, None])
    return in_rows[:, :, None] & in_columns[:, None, :]


class Normalizer:
    """(B, C, H, W) pixels -> float32 with mean 0 and deviation 1 per channel."""

    def __init__(
        self, mean: tuple[float, ...], std: tuple[float, ...], device: torch.device
    ) -> None:
        """Keep the two constants of x * scale + shift on `device`."""
        spread = torch.tensor(std, dtype=torch.float32, device=device)
        centre = torch.tensor(mean, dtype=torch.float32, device=device)
        self._scale = (1 / (255 * spread))[:, None, None]
        self._shift = (-centre / spread)[:, None, None]

    def __call__(self, pixels: Tensor) -> Tensor:
        """Cast and normalise; the pixels stay as they are, also where they are float32."""
        return pixels.to(torch.float32, copy=True).mul_(self._scale).add_(self._shift)


def resized(pixels: Tensor, side: int | None) -> Tensor:
    """(N, C, H, W) with the shorter side resized to `side`, antialiased; unchanged where None.

    Images keep their shape: squares stay squares, 40x100 becomes 20x50.
    """
    height, width = pixels.shape[2:]
    size = resized_sides(height, width, side)
    if size == (height, width):
        return pixels
    return functional.interpolate(pixels, size=size, mode="bilinear", antialias=True)


def resized_sides(height: int, width: int, side: int | None) -> tuple[int, int]:
    """(H, W) of images whose shorter side is brought to `side`; unchanged where None."""
    if side is None:
        return height, width
    scale = side / min(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
