"""Full training against a plain tutorial loop: the same recipe, network, images and steps.

    python benchmarks/full_training.py [--images N] [--epochs N] [--rounds N] [--models NAME ...]

The rival is the loop of PyTorch's tutorials: a Dataset of PIL images, torchvision transforms, a
DataLoader, the network as it is, torch's optimiser and scheduler. Ours is what `nas train` runs:
quick kernels, as trainings of minutes have them, and compiled ones, which longer trainings try.
All see batches of 128, AdamW, cosine, crops and flips, and score 1,000 validation images at the
end of every epoch. Every round is a process of its own, sides alternate; seconds are CPU seconds
of an epoch and its scoring on one thread, the least of all rounds; the first epoch, in which code
is compiled, stands beside them. Accuracies are on those validation images: the
sides differ by the order of the images and by rounding alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Literal

import torch
from _common import machine_line
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
    keep_freed_memory,
    seeded,
    train_model,
)

if TYPE_CHECKING:
    from nas.data import ImageData

MODELS = (
    "lrunet_2_1x",
    "mobilenet_v1_cifar_0.25",
    "resnet18_rpg_cifar",
    "mgic_resnet20",
    "vgnetg_1.0mp",
)
"""One of each family."""
SIDES = ("tutorial", "quick", "compiled")
BATCH, RATE, DECAY = 128, 0.02, 1e-4


class PilImages(Dataset[Any]):
    """Images one by one, as PIL, with transforms of torchvision."""

    def __init__(self, data: ImageData) -> None:
        self._pixels, self._labels = data.train.pixels, data.train.labels
        self._change = v2.Compose(
            [
                v2.ToPILImage(),
                v2.RandomCrop(data.input_shape[1:], padding=3),
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


def tutorial(model: nn.Module, data: ImageData, epochs: int) -> list[float]:
    """The plain loop; CPU seconds at the end of each epoch."""
    loader = DataLoader(PilImages(data), batch_size=BATCH, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=DECAY
    )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader))
    ends_s = []
    for _ in range(epochs):
        model.train()
        for inputs, labels in loader:
            loss = nn.functional.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        evaluate_model(model, data.val, data)
        ends_s.append(time.process_time())
    return ends_s


def ours(
    model: nn.Module, data: ImageData, epochs: int, kernels: Literal["quick", "compiled"]
) -> list[float]:
    """The same by recipe; CPU seconds at the end of each epoch."""
    recipe = Recipe(
        epochs=epochs,
        batch_size=BATCH,
        optimizer=Optimizer(rate=RATE, weight_decay=DECAY),
        schedule=Schedule(shape="cosine"),
        augmentation=Augmentation(crop=0.125),
    )
    keep_freed_memory()
    ends_s: list[float] = []
    train_model(
        model,
        data,
        recipe,
        seed=0,
        kernels=kernels,
        on_epoch=lambda record: ends_s.append(time.process_time()),
    )
    return ends_s


def run_side(name: str, side: str, images: int, epochs: int) -> None:
    """Train once in this process and print what came of it."""
    torch.set_num_threads(1)
    whole = load_data("fashion_mnist")
    data = dataclasses.replace(whole, train=whole.train.first(images), val=whole.val.first(1_000))
    with seeded(0):
        model = build_model(load_architecture(name), in_channels=1, num_classes=10)
        start_s = time.process_time()
        if side == "tutorial":
            ends_s = tutorial(model, data, epochs)
        else:
            ours_by: Literal["quick", "compiled"] = "quick" if side == "quick" else "compiled"
            ends_s = ours(model, data, epochs, ours_by)
    epochs_s = [end - begin for begin, end in itertools.pairwise([start_s, *ends_s])]
    accuracy, _ = evaluate_model(model, data.val, data)
    print(json.dumps({"epochs_s": epochs_s, "accuracy": accuracy}))


def compare(name: str, asked: argparse.Namespace) -> None:
    """One line of the table for each side."""
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for _ in range(asked.rounds):
        for side in SIDES:
            words = [sys.executable, __file__, "--side", side, "--models", name]
            words += ["--images", str(asked.images), "--epochs", str(asked.epochs)]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            found[side].append(json.loads(done.stdout.splitlines()[-1]))
    least_s = {side: min(min(one["epochs_s"][1:]) for one in found[side]) for side in SIDES}
    for side in SIDES:
        first_s = min(one["epochs_s"][0] for one in found[side])
        ratio = least_s["tutorial"] / least_s[side]
        accuracy = 100 * found[side][0]["accuracy"]
        print(
            f"{name:26}{side:10}{first_s:10.1f}{least_s[side]:10.1f}{ratio:8.2f}{accuracy:12.1f}",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5_000)
    parser.add_argument("--epochs", type=int, default=3, help="at least 2")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--models", nargs="*", default=MODELS)
    parser.add_argument("--side", choices=SIDES, help="one side in this process; for itself")
    asked = parser.parse_args()
    if asked.side:
        run_side(asked.models[0], asked.side, asked.images, asked.epochs)
        return
    print(
        f"{machine_line('torch')}; 1 thread, {asked.images} images, {asked.epochs} epochs, "
        f"least of {asked.rounds} rounds"
    )
    print(f"{'model':26}{'side':10}{'first s':>10}{'epoch s':>10}{'times':>8}{'accuracy %':>12}")
    for name in asked.models:
        compare(name, asked)


if __name__ == "__main__":
    main()
