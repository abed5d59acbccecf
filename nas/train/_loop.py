"""Proxy training: a short run with a schedule of its own, fully annealed within it.

An annealed short run ranks networks far better than the first epochs of a long one. AdamW is
used because it trains deep stages of reused layers at the same learning rate as everything
else: at the rate that suits most networks, SGD with momentum fails on these.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch

from nas.data import ImageData, Images
from nas.errors import Diverged
from nas.train._augment import Normalizer, augment, resized
from nas.train._evaluate import evaluate_model
from nas.train._fast_cpu import fast_cpu_kernels
from nas.train._seeds import seeded
from nas.train._step import make_step
from nas.trial import Fidelity, Scores

if TYPE_CHECKING:
    from torch import nn

DEFAULT_FIDELITY = Fidelity(epochs=2, train_images=6_000, val_images=5_000, batch_size=32)
"""A search's default: a median of 6 s and a mean of 12 s for lru_vgnet's networks on one core."""
LEARNING_RATE = 0.02
"""Peak for a batch of 32; other batch sizes scale it by the square root of their ratio."""
AUGMENT_FROM_EPOCHS = 16
"""Shorter runs see the images as they are: at 2 and at 8 epochs, shifting them costs accuracy."""
_WARM_UP = 0.2
"""Share of the steps during which the learning rate rises."""


def train_proxy(
    model: nn.Module, data: ImageData, fidelity: Fidelity, *, seed: int, device: str = "cpu"
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

    Raises:
        Diverged: The loss is no longer finite.
    """
    start_s = time.perf_counter()
    train, val = (
        _prepared(part, count, fidelity, device)
        for part, count in ((data.train, fidelity.train_images), (data.val, fidelity.val_images))
    )
    # Faster for depthwise convolutions and batch norm, by up to a half on the CPU.
    model.to(device).to(memory_format=torch.channels_last)
    on_cpu = train.pixels.device.type == "cpu"
    with seeded(seed), fast_cpu_kernels(model) if on_cpu else nullcontext():
        _fit(model, train, data, fidelity, torch.Generator().manual_seed(seed))
        accuracy, loss = evaluate_model(model, val, data)
    if not torch.tensor(loss).isfinite():
        raise Diverged(f"validation loss is {loss} after {fidelity.epochs} epochs of training")
    return Scores(accuracy=accuracy, loss=loss, train_s=time.perf_counter() - start_s)


def learning_rates(steps: int, peak: float) -> list[float]:
    """One rate a step: straight up to `peak` over a fifth of the steps, straight down to 0."""
    rising = max(1, round(_WARM_UP * steps))
    up = [peak * step / rising for step in range(1, rising + 1)]
    falling = steps - rising
    return up + [peak * (falling - step) / (falling + 1) for step in range(falling)]


def _prepared(images: Images, count: int | None, fidelity: Fidelity, device: str) -> Images:
    chosen = images.first(count)
    pixels = resized(chosen.pixels, fidelity.resolution)
    return Images(pixels=pixels.to(device), labels=chosen.labels.to(device))


def _fit(
    model: nn.Module,
    train: Images,
    data: ImageData,
    fidelity: Fidelity,
    generator: torch.Generator,
) -> None:
    batch = min(fidelity.batch_size, len(train))
    steps = len(train) // batch
    rates = learning_rates(fidelity.epochs * steps, LEARNING_RATE * (batch / 32) ** 0.5)
    step = make_step(model, train.pixels.device)
    normalize = Normalizer(data.mean, data.std, train.pixels.device)
    augmented = fidelity.epochs >= AUGMENT_FROM_EPOCHS
    model.train()
    for epoch in range(fidelity.epochs):
        summed = torch.zeros((), device=train.pixels.device)
        order = torch.randperm(len(train), generator=generator).to(train.pixels.device)
        epoch_rates = rates[epoch * steps : (epoch + 1) * steps]
        for number, rate in enumerate(epoch_rates):
            index = order[number * batch : (number + 1) * batch]
            pixels = train.pixels[index]
            if augmented:
                pixels = augment(pixels, generator, flip=data.flip)
            summed += step(normalize(pixels), train.labels[index], rate=rate)
        # Asked once an epoch: asking each step would wait for the device each time.
        if not summed.isfinite():
            raise Diverged(
                f"training loss is {summed.item()} in epoch {epoch + 1} of {fidelity.epochs}, "
                f"learning rate {epoch_rates[-1]:.3g} (peak {max(rates):.3g})"
            )
