"""Scoring a trained model on images it hasn't seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from nas.train._augment import Normalizer
from nas.train._precision import scoring_precision

if TYPE_CHECKING:
    from torch import nn

    from nas.data import ImageData, Images

_BATCH = {"cpu": 128, "cuda": 2048}
"""On the CPU a batch's activations should stay in its cache: 1024 is a third slower."""


@torch.inference_mode()
def evaluate_model(model: nn.Module, images: Images, data: ImageData) -> tuple[float, float]:
    """Accuracy in [0, 1] and mean cross-entropy in nats of `model` on `images`.

    Args:
        model: Gives (B, K) logits. Left in the mode, training or not, that it came in.
        images: Of the resolution wanted.
        data: Where the constants for normalising come from.
    """
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    normalize = Normalizer(data.mean, data.std, device)
    batch = _BATCH.get(device.type, 128)
    was_training = model.training
    model.eval()
    # float64 sums on the device: one transfer at the end, exact whatever the number of images.
    correct, loss = torch.zeros(2, dtype=torch.float64, device=device)
    for start in range(0, len(images), batch):
        pixels, wanted = images.pixels[start : start + batch], images.labels[start : start + batch]
        wanted = wanted.to(device)
        with scoring_precision(device):
            logits = model(normalize(pixels.to(device)))
        correct += (logits.argmax(1) == wanted).sum()
        loss += functional.cross_entropy(logits.float(), wanted, reduction="sum")
    model.train(was_training)
    return correct.item() / len(images), loss.item() / len(images)
