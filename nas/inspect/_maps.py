"""How much adjacent layers' feature maps resemble each other, on validation images.

Two measures. *Linear CKA* says how alike two layers are as a whole, whatever the order, sign or
mixture of their channels: Similarity of Neural Network Representations Revisited, section 3 -
https://arxiv.org/abs/1905.00414. The unbiased estimate of HSIC in it is that of Do Wide and Deep
Networks Learn the Same Things?, section 2 - https://arxiv.org/abs/2010.15327. Examples are image
positions and features are channels (those papers flatten whole maps to one example per image):
it asks how well a 1x1 convolution could make one map from the other. It can only be asked of
maps of one resolution.

*Near copies* say what an identity could stand in for: channels of a block's output with a
correlation of `NEAR` or more, either way around, to a channel of its input.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from nas.train import evaluate_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from nas.data import ImageData, Images
    from nas.inspect._parts import PlacedPart

NEAR = 0.9
"""Least |correlation| of a near copy."""
POSITIONS = 8
"""Places looked at in each map of each image."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureMap:
    """What one part put out, at some places of the images; the same for equal resolutions."""

    part: PlacedPart
    side: tuple[int, int]
    """(H, W) of the whole map."""
    values: Tensor
    """(N, C): channels at N places."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapGroup:
    """All maps of one resolution, in order, and the CKA of every pair."""

    side: tuple[int, int]
    parts: tuple[PlacedPart, ...]
    cka: Tensor
    """(L, L) in [0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapChange:
    """What a part of equal resolution before and after made of its input. Shares sum to 1."""

    part: PlacedPart
    channels: int
    copied: float
    """Share of output channels that are input channels, to the bit."""
    near: float
    """Share of other output channels that are near copies of an input channel."""
    dead: float
    """Share of output channels that were the same number everywhere, wherever they come from."""
    cka: float
    """Between the input and those output channels that are not copied."""

    @property
    def new(self) -> float:
        """Share of output channels that are unlike any input channel."""
        return 1 - self.copied - self.near - self.dead


def feature_maps(
    network: nn.Module, parts: Sequence[PlacedPart], images: Images, data: ImageData
) -> tuple[tuple[FeatureMap, ...], float]:
    """What each part but the head puts out for `images`, and the accuracy on them in [0, 1]."""
    taken: dict[str, list[Tensor]] = {}
    sides: dict[str, tuple[int, int]] = {}

    def keep(part: PlacedPart) -> Any:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
            if output.ndim == 4:
                batches = taken.setdefault(part.name, [])
                sides[part.name] = (output.shape[2], output.shape[3])
                batches.append(_at_positions(output, seed=len(batches)))

        return hook

    handles = [
        part.module.register_forward_hook(keep(part)) for part in parts if part.role != "head"
    ]
    try:
        accuracy, _ = evaluate_model(network, images, data)
    finally:
        for handle in handles:
            handle.remove()
    maps = tuple(
        FeatureMap(part=part, side=sides[part.name], values=torch.cat(taken[part.name]))
        for part in parts
        if part.name in taken
    )
    return maps, accuracy


def compare_maps(maps: Sequence[FeatureMap]) -> tuple[MapGroup, ...]:
    """CKA of every pair of maps of equal resolution, for resolutions with two maps or more."""
    groups: dict[tuple[int, int], list[FeatureMap]] = {}
    for one in maps:
        groups.setdefault(one.side, []).append(one)
    return tuple(
        MapGroup(
            side=side,
            parts=tuple(one.part for one in group),
            cka=linear_cka([one.values for one in group]),
        )
        for side, group in groups.items()
        if len(group) > 1
    )


def map_changes(maps: Sequence[FeatureMap]) -> tuple[MapChange, ...]:
    """What every part that keeps its resolution changed."""
    return tuple(
        _change(before.values, after)
        for before, after in pairwise(maps)
        if before.side == after.side
    )


def linear_cka(features: Sequence[Tensor]) -> Tensor:
    """(L, L) linear CKA of L feature matrices (N, C_i) of the same N > 3 examples, in [0, 1].

    0 where a matrix is constant.
    """
    grams = torch.stack([_gram(one) for one in features])
    sums = grams.sum(2, dtype=torch.float64)
    n = grams.shape[-1]
    hsic = torch.zeros(len(grams), len(grams), dtype=torch.float64)
    for i, one in enumerate(grams):
        for j in range(i + 1):
            trace = (one * grams[j]).sum(dtype=torch.float64)
            product = sums[i].sum() * sums[j].sum() / ((n - 1) * (n - 2))
            hsic[i, j] = hsic[j, i] = trace + product - 2 * (sums[i] @ sums[j]) / (n - 2)
    own = hsic.diag().clamp(min=0)
    scale = (own[:, None] * own).sqrt()
    alike: Tensor = hsic / scale.clamp(min=1e-12)
    return alike.clamp(0, 1).float()


def _gram(features: Tensor) -> Tensor:
    """Inner products of centred examples, of norm 1 as a whole, without the diagonal."""
    centred = _centred(features)
    centred = (centred / _nonzero(centred.norm())).float()
    gram = centred @ centred.T
    gram.fill_diagonal_(0)
    unit: Tensor = gram / _nonzero(gram.norm())
    return unit


def _at_positions(output: Tensor, seed: int) -> Tensor:
    """(B, C, H, W) -> (B * P, C) at P places of each image, the same for equal B, H, W, seed."""
    flat = output.flatten(2)
    batch, _, size = flat.shape
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(batch, size, generator=generator).argsort(1)[:, :POSITIONS]
    index = order[:, None].expand(-1, flat.shape[1], -1).to(flat.device)
    return flat.gather(2, index).transpose(1, 2).flatten(0, 1).float().cpu()


def _change(before: Tensor, after: FeatureMap) -> MapChange:
    best, nearest = _correlations(before, after.values).abs().max(1)
    alive = _varies(after.values)
    copied = alive & (after.values == before[:, nearest]).all(0)
    near = alive & ~copied & (best >= NEAR)
    kept = after.values[:, ~copied]
    cka = float(linear_cka([before, kept])[0, 1]) if kept.shape[1] and len(kept) > 3 else 1.0
    return MapChange(
        part=after.part,
        channels=len(alive),
        copied=copied.float().mean().item(),
        near=near.float().mean().item(),
        dead=(~alive).float().mean().item(),
        cka=cka,
    )


def _correlations(before: Tensor, after: Tensor) -> Tensor:
    """(C_after, C_before); 0 for constant channels."""
    x, y = (one / _nonzero(one.norm(dim=0)) for one in map(_centred, (before, after)))
    return y.T @ x


def _centred(features: Tensor) -> Tensor:
    """Columns without their means, float64; constant ones exactly 0, however they round."""
    moving = _varies(features)
    return (features.double() - features.double().mean(0)) * moving


def _varies(features: Tensor) -> Tensor:
    return features.amax(0) > features.amin(0)


def _nonzero(norm: Tensor) -> Tensor:
    # Relative to the maps themselves: those of untrained networks may be as small as 1e-20.
    return torch.where(norm > 0, norm, 1)
