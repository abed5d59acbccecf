"""The average of a network's weights over its training, and norms that fit it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from nas.train._device import slice_of
from nas.train._seeds import seeded

if TYPE_CHECKING:
    from torch import Tensor, nn

    _Tensors = tuple[Tensor, ...] | list[Tensor]

    from nas.data import Images
    from nas.train._augment import Normalizer

NORM_IMAGES = 4_096
"""Images, as they are, from which a norm's mean and variance are estimated."""
_BATCH = 256


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of `model` that follows its weights by `decay` a step, faster at first."""
    return AveragedModel(model, multi_avg_fn=_Ramped(decay))


class _Ramped:
    """An exponential average that early steps do not hold back."""

    def __init__(self, decay: float) -> None:
        self._decay = decay

    def __call__(self, average: _Tensors, current: _Tensors, count: Tensor | int) -> None:
        decay = min(self._decay, (1 + int(count)) / (10 + int(count)))
        get_ema_multi_avg_fn(decay)(average, current, count)  # type: ignore[no-untyped-call]


def estimate_norms(model: nn.Module, images: Images, normalize: Normalizer) -> None:
    """Give batch norms the mean and variance that `model` has on the first of `images`."""
    starts = range(0, min(NORM_IMAGES, len(images)) - 1, _BATCH)
    device = images.labels.device
    batches = (
        normalize(slice_of(images, start, min(start + _BATCH, NORM_IMAGES)).to(device)).contiguous(
            memory_format=torch.channels_last
        )
        for start in starts
    )
    mode = model.training
    with seeded(0):  # dropout would draw from the training's generator
        update_bn(batches, model)
    model.train(mode)
