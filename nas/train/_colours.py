"""The colour operations of RandAugment, by torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchvision.transforms.v2 import functional as ops_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def change_colours(name: str, pixels: Tensor, strength: float) -> Tensor:
    """(B, C, H, W) uint8 images changed by the operation of that name; `strength` has a sign."""
    return _CHANGE[name](pixels, strength)


def _factor(change: Callable[[Tensor, float], Tensor]) -> Callable[[Tensor, float], Tensor]:
    return lambda pixels, signed: change(pixels, 1.0 + 0.9 * signed)


_CHANGE: dict[str, Callable[[Tensor, float], Tensor]] = {
    "identity": lambda pixels, _: pixels,
    "brightness": _factor(ops_of.adjust_brightness),
    "color": lambda pixels, signed: (
        ops_of.adjust_saturation(pixels, 1.0 + 0.9 * signed) if pixels.shape[1] == 3 else pixels
    ),
    "contrast": _factor(ops_of.adjust_contrast),
    "sharpness": _factor(ops_of.adjust_sharpness),
    "posterize": lambda pixels, level: ops_of.posterize(pixels, 8 - round(4 * level)),
    "solarize": lambda pixels, level: ops_of.solarize(pixels, 255 * (1 - level)),
    "auto_contrast": lambda pixels, _: ops_of.autocontrast(pixels),
    "equalize": lambda pixels, _: ops_of.equalize(pixels),
}
