"""RandAugment of a batch, two random operations for each image (arXiv 1909.13719).

torchvision's own draws once for a whole batch. Operations, ranges and the sign are its; images
that drew the same operation are changed together.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

GEOMETRIC = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
COLOUR = (
    "identity",
    "brightness",
    "color",
    "contrast",
    "sharpness",
    "posterize",
    "solarize",
    "auto_contrast",
    "equalize",
)
OPERATIONS = (*GEOMETRIC, *COLOUR)
_SIGNED = ("brightness", "color", "contrast", "sharpness")
_BINS = 30


def rand_augment(
    pixels: Tensor, generator: torch.Generator, *, ops: int, magnitude: int
) -> Tensor:
    """Change each image by `ops` operations drawn for it; (B, C, H, W) uint8 both ways.

    `magnitude` is of 30, as torchvision counts. Draws the operations, then the signs.
    """
    strength = magnitude / _BINS
    for _ in range(ops):
        drawn = torch.randint(len(OPERATIONS), (len(pixels),), generator=generator)
        signs = 1 - 2.0 * torch.randint(2, (len(pixels),), generator=generator)
        pixels = _one_round(pixels, drawn, signs, strength)
    return pixels


def _one_round(pixels: Tensor, drawn: Tensor, signs: Tensor, strength: float) -> Tensor:
    # Importing torchvision takes seconds, which other augmentations are spared.
    from nas.train._colours import change_colours

    result = pixels.clone()
    moved = drawn < len(GEOMETRIC)
    if moved.any():
        maps = _maps(drawn[moved], signs[moved] * strength, *pixels.shape[2:])
        where = moved.to(pixels.device)
        result[where] = warp(pixels[where], maps)
    for number, name in enumerate(COLOUR, len(GEOMETRIC)):
        for sign in (1.0, -1.0) if name in _SIGNED else (1.0,):
            chosen = (drawn == number) & ((signs == sign) | (name not in _SIGNED))
            if chosen.any():
                where = chosen.to(pixels.device)
                result[where] = change_colours(name, pixels[where], sign * strength)
    return result


def _maps(drawn: Tensor, signed: Tensor, height: int, width: int) -> Tensor:
    """(B, 2, 3): where each pixel comes from, in coordinates from -1 to 1."""
    maps = torch.eye(2, 3).repeat(len(drawn), 1, 1)
    move = 2 * 150 / 331 * signed
    # Sheared about the upper left corner, as torchvision does: a move comes with it.
    lean = (0.3 * signed * height / width, 0.3 * signed * width / height)
    for number, (row, column, value) in (
        *((0, (0, column, lean[0])) for column in (1, 2)),
        *((1, (1, column, lean[1])) for column in (0, 2)),
        (2, (0, 2, move)),
        (3, (1, 2, move)),
    ):
        chosen = drawn == number
        maps[chosen, row, column] = value[chosen]
    chosen = drawn == GEOMETRIC.index("rotate")
    maps[chosen] = turning(math.radians(30) * signed[chosen], height, width)
    return maps


def turning(angles: Tensor, height: int, width: int) -> Tensor:
    """(B, 2, 3) maps that turn images of this shape about their centre by (B,) radians."""
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    rows = [cos, sin * height / width, zero, -sin * width / height, cos, zero]
    return torch.stack(rows, 1).view(-1, 2, 3)


def warp(pixels: Tensor, maps: Tensor) -> Tensor:
    """Each image moved by its (2, 3) map; nearest pixel, 0 outside."""
    grid = functional.affine_grid(maps.to(pixels.device), list(pixels.shape), align_corners=False)
    moved = functional.grid_sample(
        pixels.float(), grid, mode="nearest", padding_mode="zeros", align_corners=False
    )
    return moved.to(pixels.dtype)
