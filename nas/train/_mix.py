"""Mixup and CutMix: images and labels of two images in one, with a share of its own for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.distributions import Beta
from torch.nn import functional

from nas.train._augment import inside

if TYPE_CHECKING:
    from nas.train._recipe import Augmentation


def mix(
    images: Tensor, labels: Tensor, recipe: Augmentation, num_classes: int, *, progress: float
) -> tuple[Tensor, Tensor]:
    """Mix images of a batch with one another; draws from torch's global generator.

    Args:
        images: (B, C, H, W) float, normalised.
        labels: (B,) int64.
        recipe: Which way, how strongly, and of how many images.
        num_classes: K.
        progress: Share of the training that is over, for the ramp.

    Returns:
        The images, and (B, K) shares of the classes in them.
    """
    batch, _, height, width = images.shape
    share = recipe.mix_share * (min(1.0, progress / recipe.mix_ramp) if recipe.mix_ramp else 1.0)
    coin, which = torch.rand(2, batch)
    partner = torch.randperm(batch)
    cuts = which < _share_of_cutmix(recipe)
    own = torch.where(cuts, _drawn(recipe.cutmix, batch), _drawn(recipe.mixup, batch))
    own = torch.where(coin < share, own, 1.0)
    weight = own[:, None, None].expand(-1, height, width)
    box = _box(own, height, width)
    weight = torch.where(cuts[:, None, None], (~box).float(), weight)
    kept = weight.mean((1, 2)).to(images.device)[:, None]
    weight = weight[:, None].to(images.device)
    partner = partner.to(images.device)
    classes = functional.one_hot(labels, num_classes).float()
    mixed = weight * images + (1 - weight) * images[partner]
    return mixed, kept * classes + (1 - kept) * classes[partner]


def _share_of_cutmix(recipe: Augmentation) -> float:
    return (recipe.cutmix > 0) / ((recipe.cutmix > 0) + (recipe.mixup > 0))


def _drawn(alpha: float, batch: int) -> Tensor:
    """(B,) shares of the own image; 1 where alpha is 0."""
    return Beta(alpha, alpha).sample((batch,)) if alpha > 0 else torch.ones(batch)


def _box(own: Tensor, height: int, width: int) -> Tensor:
    """(B, H, W): a rectangle of the image's shape that covers all but `own` of it."""
    side = (1 - own).sqrt()
    top, left = torch.rand(2, len(own))
    high, wide = (side * height).round(), (side * width).round()
    return inside(top, left, high, wide, height, width)
