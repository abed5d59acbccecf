"""Full training against a plain tutorial loop: the same recipe, network, images and steps.

    python benchmarks/full_training.py [--images 5000] [--epochs 2] [--rounds 2] [--models NAME ...]

The rival is the loop of PyTorch's tutorials: a Dataset of PIL images, torchvision transforms, a
DataLoader, the network as it is, torch's optimiser and scheduler. Ours is `train_model` with the
recipe as a file has it. Both see batches of 128, AdamW, cosine, crops and flips. Rounds alternate;
seconds are of the process (one thread), the least of the rounds. Accuracies are on validation
images; they differ by the order of the images. The time to choose kernels is ours, and is in it.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from nas.data import load_data
from nas.model import build_model
from nas.space import load_architecture
from nas.train import (
    Augmentation,
    Optimizer,
    Recipe,
    Schedule,
    evaluate_model,
    seeded,
    train_model,
)

if TYPE_CHECKING:
    from nas.data import ImageData, Images

MODELS = (
    "lrunet_2_1x",
    "mobilenet_v1_cifar_0.25",
    "resnet18_rpg_cifar",
    "mgic_resnet20",
    "vgnetg_1.0mp",
)
"""One of each family."""
BATCH, RATE = 128, 0.02


class PilImages(Dataset[Any]):
    """Images one by one, as PIL, with transforms of torchvision."""

    def __init__(self, images: Images, data: ImageData) -> None:
        self._pixels, self._labels = images.pixels, images.labels
        self._change = v2.Compose(
            [
                v2.ToPILImage(),
                v2.RandomCrop(images.pixels.shape[2:], padding=3),
                v2.RandomHorizontalFlip(),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(data.mean, data.std),
            ]
        )

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self._change(self._pixels[index]), int(self._labels[index])


def tutorial(model: nn.Module, data: ImageData, images: Images, epochs: int) -> None:
    """The plain loop."""
    loader = DataLoader(PilImages(images, data), batch_size=BATCH, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=1e-4
    )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader))
    model.train()
    for _ in range(epochs):
        for inputs, labels in loader:
            loss = nn.functional.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()


def ours(model: nn.Module, data: ImageData, epochs: int) -> str:
    """The same by recipe; which kernels it chose."""
    recipe = Recipe(
        epochs=epochs,
        batch_size=BATCH,
        optimizer=Optimizer(rate=RATE, weight_decay=1e-4),
        schedule=Schedule(shape="cosine"),
        augmentation=Augmentation(crop=0.125),
    )
    trained = train_model(model, data, recipe, seed=0)
    return trained.kernels.kernels


def compare(name: str, data: ImageData, images: Images, epochs: int, rounds: int) -> None:
    """One line of the table."""
    arch = load_architecture(name)
    times: dict[str, list[float]] = {"tutorial": [], "ours": []}
    accuracies: dict[str, float] = {}
    chosen = ""
    for _ in range(rounds):
        for side in times:
            with seeded(0):
                model = build_model(arch, in_channels=1, num_classes=10)
            start_s = time.process_time()
            if side == "ours":
                chosen = ours(model, data, epochs)
            else:
                with seeded(0):
                    tutorial(model, data, images, epochs)
                evaluate_model(model, data.val, data)  # ours scores too, after every epoch
            times[side].append(time.process_time() - start_s)
            accuracies[side], _ = evaluate_model(model, data.val, data)
    slow, fast = (min(times[side]) for side in ("tutorial", "ours"))
    print(
        f"{name:26} {slow:9.1f} {fast:7.1f} {slow / fast:6.2f}x  {100 * accuracies['tutorial']:6.2f}"
        f" {100 * accuracies['ours']:6.2f}  {chosen}",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--models", nargs="*", default=MODELS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    whole = load_data("fashion_mnist")
    import dataclasses

    data = dataclasses.replace(
        whole, train=whole.train.first(asked.images), val=whole.val.first(1_000)
    )
    print(
        f"torch {torch.__version__}, 1 thread, load {os.getloadavg()[0]:.1f} of {os.cpu_count()} "
        f"CPUs; {asked.images} images, {asked.epochs} epochs, least of {asked.rounds} rounds"
    )
    print(f"{'model':26} tutorial s  ours s   ratio  accuracy %: tutorial, ours; kernels")
    for name in asked.models:
        compare(name, data, data.train, asked.epochs, asked.rounds)


if __name__ == "__main__":
    main()
