"""Proxy training: a short run with a schedule of its own, fully annealed within it.

An annealed short run ranks networks far better than the first epochs of a long one. AdamW is
used because it trains deep stages of reused layers at the same learning rate as everything
else: at the rate that suits most networks, SGD with momentum fails on these.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from nas.errors import Diverged
from nas.proxy._augment import Normalizer, augment, resized
from nas.proxy._evaluate import evaluate_model, precision
from nas.proxy._images import ImageData, Images
from nas.proxy._seeds import seeded
from nas.trial import Fidelity, Scores

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_FIDELITY = Fidelity(epochs=2, train_images=6_000, val_images=5_000, batch_size=32)
"""A search's default: a median of 6 s and a mean of 12 s for lru_vgnet's networks on one core."""
LEARNING_RATE = 0.02
"""Peak for a batch of 32; other batch sizes scale it by the square root of their ratio."""
AUGMENT_FROM_EPOCHS = 16
"""Shorter runs see the images as they are: at 2 and at 8 epochs, shifting them costs accuracy."""
_WEIGHT_DECAY = 0.05
_LABEL_SMOOTHING = 0.1
_WARM_UP = 0.2
"""Share of the steps during which the learning rate rises."""
_NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


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
    with seeded(seed):
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
    optimizer = _optimizer(model)
    normalize = Normalizer(data.mean, data.std, train.pixels.device)
    augmented = fidelity.epochs >= AUGMENT_FROM_EPOCHS
    model.train()
    for epoch in range(fidelity.epochs):
        summed = torch.zeros((), device=train.pixels.device)
        order = torch.randperm(len(train), generator=generator).to(train.pixels.device)
        epoch_rates = rates[epoch * steps : (epoch + 1) * steps]
        for step, rate in enumerate(epoch_rates):
            index = order[step * batch : (step + 1) * batch]
            pixels = train.pixels[index]
            if augmented:
                pixels = augment(pixels, generator, flip=data.flip)
            _set_rate(optimizer, rate)
            summed += _step(model, optimizer, normalize(pixels), train.labels[index])
        # Asked once an epoch: asking each step would wait for the device each time.
        if not summed.isfinite():
            raise Diverged(
                f"training loss is {summed.item()} in epoch {epoch + 1} of {fidelity.epochs}, "
                f"learning rate {epoch_rates[-1]:.3g} (peak {max(rates):.3g})"
            )


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, labels: Tensor
) -> Tensor:
    with precision(inputs.device):
        logits = model(inputs.contiguous(memory_format=torch.channels_last))
    loss = functional.cross_entropy(logits.float(), labels, label_smoothing=_LABEL_SMOOTHING)
    torch.autograd.backward(loss)
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """AdamW over what can be trained; norms and biases don't decay."""
    exempt = {
        id(parameter)
        for module in model.modules()
        for name, parameter in module.named_parameters(recurse=False)
        if isinstance(module, _NORMS) or name == "bias"
    }
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if id(p) not in exempt], "weight_decay": _WEIGHT_DECAY},
        {"params": [p for p in trained if id(p) in exempt], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.99), fused=True)
