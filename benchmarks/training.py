"""Training speed: `nas.proxy` beside a tutorial's loop, on one network of each family.

    python benchmarks/training.py [--data-dir DIR] [--rounds 7] [--accuracy] [--gpu]

The tutorial loop is torchvision's: a DataLoader over PIL images (ToTensor, Normalize), float32 in
rows, torch's default allocator, `.item()` each step. Its recipe is ours (AdamW, annealed rates,
label smoothing), so that only the way of running it differs. Where a network has a parameter
ring, the tutorial generates its kernels as RPG's released code does, by a gather for each layer;
with `--our-rings` it has ours.

On the CPU each loop has a process of its own, as an allocator is chosen once; both have one
thread and take turns, a round each. A figure is the median of the rounds in images per second of
CPU time, a ratio the median of the rounds' ratios with its quartiles. `--accuracy` trains both
with five seeds and compares; `--gpu` times both on a GPU in wall-clock time, and skips itself
where there is none.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _common import machine_line

from nas.workers import allocator_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    from nas.data import ImageData, Images
    from nas.trial import Fidelity

NETWORKS = {
    "lrunet_2_1x": "LruNet, a layer applied twice",
    "mobilenet_v1_cifar_0.25": "MobileNetV1",
    "resnet18_rpg": "RPG, generated from a ring",
    "mgic_mobilenetv3_small_cifar": "MGIC",
    "vgnetg_1.0mp": "VGNet",
}
IMAGES, BATCH = 1_280, 32
ACCURACY_IMAGES, ACCURACY_EPOCHS, SEEDS = 3_000, 2, 5
PEAK = 0.02
GPU_IMAGES, GPU_BATCH = 10_240, 128


def main() -> None:
    """Print the tables, or be one of the loops."""
    options = _options()
    if options.loop:
        serve(options)
        return
    import torch

    print(f"{machine_line('torch')}; batches of {BATCH}, {IMAGES} images a round")
    if options.gpu:
        if not torch.cuda.is_available():
            print("no GPU here: skipped")
            return
        options.device = "cuda"
    compare_speed(options)
    if options.accuracy:
        compare_accuracy(options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--our-rings", action="store_true")
    parser.add_argument("--loop", choices=("ours", "tutorial"), help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cpu", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: at least 2, for a spread")
    return options


# -- the two processes ----------------------------------------------------------------------------


class Loop:
    """A process that trains what it is told, one line of JSON each way."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        words = [sys.executable, __file__, "--loop", name, "--device", options.device]
        if options.data_dir:
            words += ["--data-dir", str(options.data_dir)]
        if options.our_rings:
            words += ["--our-rings"]
        memory = allocator_variables() if name == "ours" else {}
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **memory},
        )

    def __call__(self, **asked: object) -> dict[str, float]:
        """Ask for one training, and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer: dict[str, float] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve(options: argparse.Namespace) -> None:
    """Train what standard input asks for."""
    import torch

    from nas.data import load_data

    torch.set_num_threads(1)
    data = load_data("fashion_mnist", data_dir=options.data_dir)
    tutorial = partial(train_tutorial, our_rings=options.our_rings)
    train = {"ours": train_ours, "tutorial": tutorial}[options.loop]
    for line in sys.stdin:
        asked = json.loads(line)
        answer = timed(train, asked, data, options.device)
        print(json.dumps(answer), flush=True)


def timed(
    train: Callable[..., float], asked: dict[str, Any], data: ImageData, device: str
) -> dict[str, float]:
    """Accuracy, and the seconds that building, training and scoring took."""
    import torch

    from nas.trial import Fidelity

    clock = time.process_time if device == "cpu" else time.perf_counter
    fidelity = Fidelity(**asked["fidelity"])
    began = clock()
    accuracy = train(asked["network"], fidelity, asked["seed"], data, device)
    if device != "cpu":
        torch.cuda.synchronize()
    return {"accuracy": accuracy, "seconds": clock() - began}


def _model(name: str, seed: int, data: ImageData) -> nn.Module:
    from nas.model import build_model
    from nas.space import load_architecture
    from nas.train import seeded

    with seeded(seed):
        return build_model(
            load_architecture(name), in_channels=data.input_shape[0], num_classes=data.num_classes
        )


def train_ours(name: str, fidelity: Fidelity, seed: int, data: ImageData, device: str) -> float:
    """As a search does."""
    from nas.proxy import train_proxy

    return train_proxy(_model(name, seed, data), data, fidelity, seed=seed, device=device).accuracy


def train_tutorial(
    name: str, fidelity: Fidelity, seed: int, data: ImageData, device: str, *, our_rings: bool
) -> float:
    """As a tutorial does."""
    import torch
    from torch.nn import functional

    from nas.proxy import PROXY_SCHEDULE
    from nas.train import learning_rates

    torch.manual_seed(seed)
    model = _model(name, seed, data).to(device)
    if not our_rings:
        _generate_as_released(model)
    loader = _loader(data.train.first(fidelity.train_images), fidelity, data, device, shuffle=True)
    peak = PEAK * (fidelity.batch_size / 32) ** 0.5
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, betas=(0.9, 0.99))
    rates = iter(learning_rates(PROXY_SCHEDULE, fidelity.epochs * len(loader), peak))
    model.train()
    running = 0.0
    for _ in range(fidelity.epochs):
        for inputs, labels in loader:
            for group in optimizer.param_groups:
                group["lr"] = next(rates)
            optimizer.zero_grad()
            outputs = model(inputs.to(device))
            loss = functional.cross_entropy(outputs, labels.to(device), label_smoothing=0.1)
            loss.backward()
            optimizer.step()
            running += loss.item()
    held = _loader(data.val.first(fidelity.val_images), fidelity, data, device, shuffle=False)
    return _accuracy(model, held, device)


def _generate_as_released(model: nn.Module) -> None:
    """Every kernel by a gather of its own: `ring[index] * sign * scale`."""
    from ring_generation import per_layer

    from nas.sharing import Ring

    for ring in model.modules():
        if isinstance(ring, Ring):
            ring.forward = per_layer(ring)


def _accuracy(model: nn.Module, loader: Any, device: str) -> float:
    import torch

    model.eval()
    right = total = 0
    with torch.no_grad():
        for inputs, labels in loader:
            right += (model(inputs.to(device)).argmax(1).cpu() == labels).sum().item()
            total += len(labels)
    return right / total


def _loader(
    part: Images, fidelity: Fidelity, data: ImageData, device: str, *, shuffle: bool
) -> Any:
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize(data.mean, data.std)]
    )

    class Pictures(Dataset[Any]):
        """As torchvision's FashionMNIST hands them out: a PIL image each."""

        def __len__(self) -> int:
            return len(part)

        def __getitem__(self, index: int) -> Any:
            image = Image.fromarray(part.pixels[index, 0].numpy())
            return transform(image), int(part.labels[index])

    return DataLoader(
        Pictures(),
        batch_size=fidelity.batch_size,
        shuffle=shuffle,
        drop_last=shuffle,
        num_workers=0 if device == "cpu" else 8,
    )


# -- the comparisons ------------------------------------------------------------------------------


def compare_speed(options: argparse.Namespace) -> None:
    """Rounds of both loops in turn, network by network."""
    gpu = options.device != "cpu"
    images, batch = (GPU_IMAGES, GPU_BATCH) if gpu else (IMAGES, BATCH)
    # One batch of validation images: scoring is not what is compared.
    fidelity = {"epochs": 1, "train_images": images, "val_images": batch, "batch_size": batch}
    print(f"\n{'images/s':32}{'tutorial':>10}{'ours':>10}{'ratio':>8}   quartiles")
    ours, tutorial = Loop("ours", options), Loop("tutorial", options)
    for name in options.networks.split(","):
        pairs = []
        for turn in range(options.rounds + 1):
            asked = {"network": name, "fidelity": fidelity, "seed": turn}
            seconds = tutorial(**asked)["seconds"], ours(**asked)["seconds"]
            # The first round is slower on both sides: caches, allocator, kernels.
            pairs += [seconds] * (turn > 0)
        theirs, mine = (images / statistics.median(column) for column in zip(*pairs, strict=True))
        ratios = sorted(a / b for a, b in pairs)
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(
            f"{name:32}{theirs:10,.0f}{mine:10,.0f}{middle:7.2f}x   {low:.2f} to {high:.2f}",
            flush=True,
        )
    ours.close(), tutorial.close()


def compare_accuracy(options: argparse.Namespace) -> None:
    """Both loops with the same seeds: their networks start alike, their images come shuffled."""
    fidelity = {
        "epochs": ACCURACY_EPOCHS,
        "train_images": ACCURACY_IMAGES,
        "val_images": 5_000,
        "batch_size": BATCH,
    }
    print(
        f"\n{ACCURACY_EPOCHS} epochs of {ACCURACY_IMAGES:,} images, {SEEDS} seeds, validation "
        "accuracy in %: mean, and the difference with its standard error"
    )
    ours, tutorial = Loop("ours", options), Loop("tutorial", options)
    for name in options.networks.split(","):
        pairs = list(_accuracies(name, fidelity, ours, tutorial))
        gaps = [mine - theirs for mine, theirs in pairs]
        error = statistics.stdev(gaps) / len(gaps) ** 0.5
        mine, theirs = (statistics.mean(column) for column in zip(*pairs, strict=True))
        gap = f"{statistics.mean(gaps):+.2f} ±{error:.2f}"
        print(f"{name:32}{theirs:10.2f}{mine:10.2f}   {gap}", flush=True)
    ours.close(), tutorial.close()


def _accuracies(
    name: str, fidelity: dict[str, int], ours: Loop, tutorial: Loop
) -> Iterator[tuple[float, float]]:
    for seed in range(SEEDS):
        asked = {"network": name, "fidelity": fidelity, "seed": seed}
        yield 100 * ours(**asked)["accuracy"], 100 * tutorial(**asked)["accuracy"]


if __name__ == "__main__":
    main()
