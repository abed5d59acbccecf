"""Training and scoring of one proxy."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch

from nas.data import Images, resize_masks
from nas.errors import Diverged
from nas.proxy._recipe import proxy_recipe
from nas.train import (
    Training,
    TrainingSetup,
    fast_cpu_kernels,
    measure_model,
    on_device,
    resized,
    seeded,
    slice_of,
    task_with,
)
from nas.trial import Scores

if TYPE_CHECKING:
    from torch import nn

    from nas.data import ImageData
    from nas.train import Recipe
    from nas.trial import Fidelity


_CHUNK = 4_096
"""Images resized at a time: those beyond memory are small enough afterwards."""


def train_proxy(
    model: nn.Module,
    data: ImageData,
    fidelity: Fidelity,
    *,
    seed: int,
    device: str = "cpu",
    recipe: Recipe | None = None,
) -> Scores:
    """Train `model` in place and score it on validation images.

    The result follows from the arguments alone: torch's global generators are neither read
    nor moved. On the CPU it is equal to the bit for an equal number of threads.

    Args:
        model: (B, C, H, W) -> (B, K) logits, initialised (under `seeded`) by the caller.
        data: Every network sees the same images of it, whatever its seed.
        fidelity: How many images, of which size, and how often.
        seed: Fixes the order of the images, their augmentation, and dropout.
        device: As torch names it.
        recipe: Instead of the proxies' own; its length and batch size are the recipe's then.

    Raises:
        Diverged: The loss is no longer finite.
    """
    start_s = time.perf_counter()
    train, val = (
        _prepared(part, count, fidelity, device)
        for part, count in ((data.train, fidelity.train_images), (data.val, fidelity.val_images))
    )
    recipe = recipe or proxy_recipe(fidelity, len(train))
    # Faster for depthwise convolutions and batch norm, by up to a half on the CPU.
    model.to(device).to(memory_format=torch.channels_last)
    on_cpu = train.labels.device.type == "cpu"
    with seeded(seed), fast_cpu_kernels(model) if on_cpu else nullcontext():
        training = Training(
            model,
            TrainingSetup(
                train=train,
                data=data,
                recipe=recipe,
                seed=seed,
                task=task_with(data, recipe.loss),
            ),
        )
        while not training.is_over:
            training.run_epoch()
        measured = measure_model(model, val, data)
    accuracy, loss = measured.pop("accuracy"), measured.pop("loss")
    if not torch.tensor(loss).isfinite():
        raise Diverged(f"validation loss is {loss} after {training.num_epochs} epochs of training")
    return Scores(
        accuracy=accuracy, loss=loss, train_s=time.perf_counter() - start_s, custom=measured
    )


def _prepared(images: Images, count: int | None, fidelity: Fidelity, device: str) -> Images:
    chosen = images.first(count)
    if fidelity.resolution is None:
        return on_device(chosen, device)
    parts = [
        resized(slice_of(chosen, start, start + _CHUNK), fidelity.resolution)
        for start in range(0, len(chosen), _CHUNK)
    ]
    pixels, labels = torch.cat(parts), chosen.labels
    if labels.ndim == 3:  # masks go the way that their images go
        height, width = pixels.shape[2:]
        labels = resize_masks(labels, (height, width), "stretch")
    return on_device(Images(pixels=pixels, labels=labels), device)
