"""Training speed: `nas.proxy` beside a tutorial's loop, on the same small networks.

    python benchmarks/training.py [--data-dir DIR] [--repeats 5]

The tutorial's loop is torchvision's: a DataLoader over PIL images (RandomCrop, flip, ToTensor,
Normalize), contiguous float32, SGD with momentum, `.item()` each step. Both run on one thread, in
turn, in one process; a figure is the median of the repeats, in images per second of CPU time (so
that what else runs on the machine matters less). `loop` is our training as it is for proxies (no
augmentation below 16 epochs); `augmented` shifts and mirrors as the tutorial does. Input alone (no
network) is timed too. Both sides run with glibc's allocator told to keep its memory, as our
workers do; `--stock-malloc` runs both without.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from nas.proxy import ImageData

KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "-1"}
IMAGES, BATCH = 1_280, 32


def main() -> None:
    """Print the table."""
    options = _options()
    if not options.stock_malloc and any(os.environ.get(k) != v for k, v in KEEP_MEMORY.items()):
        # glibc reads these once, before main(): start again with them.
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | KEEP_MEMORY)

    import torch

    from nas.proxy import load_data

    torch.set_num_threads(1)
    data = load_data("fashion_mnist", data_dir=options.data_dir)
    _print_machine(options)
    print(f"{'images/s':12}{'tutorial':>10}{'loop':>10}{'augmented':>11}{'ratio':>8}{'ratio':>8}")
    for name, make in _networks().items():
        _print_row(name, _paired(_runs(make, data), options.repeats))
    _print_row("input alone", _paired(_input_runs(data), options.repeats))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--stock-malloc", action="store_true")
    return parser.parse_args()


def _print_machine(options: argparse.Namespace) -> None:
    import platform

    import torch
    import torchvision

    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    malloc = "stock" if options.stock_malloc else "keeps its memory"
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, torchvision "
        f"{torchvision.__version__}, {torch.backends.cpu.get_cpu_capability()}, "
        f"{os.cpu_count()} CPUs, load {load}; malloc: {malloc}; "
        f"batch {BATCH}, {IMAGES} images, median of {options.repeats}"
    )


def _print_row(name: str, medians: list[float]) -> None:
    tutorial, loop, augmented = medians
    ratios = f"{loop / tutorial:7.1f}x{augmented / tutorial:7.1f}x"
    print(f"{name:12}{tutorial:10,.0f}{loop:10,.0f}{augmented:11,.0f}{ratios}", flush=True)


def _paired(runs: list[Callable[[], object]], repeats: int) -> list[float]:
    """Images per CPU second of each run: medians over repeats, the runs taking turns."""
    speeds: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats):
        for run, seen in zip(runs, speeds, strict=True):
            start_cpu_s = time.process_time()
            run()
            seen.append(IMAGES / (time.process_time() - start_cpu_s))
    return [statistics.median(seen) for seen in speeds]


def _runs(make: Callable[[], nn.Module], data: ImageData) -> list[Callable[[], object]]:
    from nas.proxy import _train as settings
    from nas.proxy import train_proxy
    from nas.trial import Fidelity

    # One validation image: scoring is not what is compared.
    fidelity = Fidelity(epochs=1, train_images=IMAGES, val_images=1, batch_size=BATCH)
    threshold = settings.AUGMENT_FROM_EPOCHS

    def augmented() -> None:
        settings.AUGMENT_FROM_EPOCHS = 1
        try:
            train_proxy(make(), data, fidelity, seed=0)
        finally:
            settings.AUGMENT_FROM_EPOCHS = threshold

    return [
        lambda: _tutorial(make(), _loader(data)),
        lambda: train_proxy(make(), data, fidelity, seed=0),
        augmented,
    ]


def _input_runs(data: ImageData) -> list[Callable[[], object]]:
    import torch

    from nas.proxy import augment
    from nas.proxy._augment import Normalizer

    normalize = Normalizer(data.mean, data.std, torch.device("cpu"))
    batches = data.train.pixels[:IMAGES].split(BATCH)
    generator = torch.Generator().manual_seed(0)
    return [
        lambda: [None for _ in _loader(data)],
        lambda: [normalize(batch) for batch in batches],
        lambda: [normalize(augment(batch, generator, flip=True)) for batch in batches],
    ]


def _loader(data: ImageData) -> Any:
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    transform = transforms.Compose(
        [
            transforms.RandomCrop(28, padding=3),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(data.mean, data.std),
        ]
    )

    class Pictures(Dataset[Any]):
        """As torchvision's FashionMNIST hands them out: a PIL image each."""

        def __len__(self) -> int:
            return IMAGES

        def __getitem__(self, index: int) -> Any:
            image = Image.fromarray(data.train.pixels[index, 0].numpy())
            return transform(image), int(data.train.labels[index])

    return DataLoader(Pictures(), batch_size=BATCH, shuffle=True, drop_last=True)


def _tutorial(model: nn.Module, loader: Any) -> float:
    import torch
    from torch.nn import functional

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    running = 0.0
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        running += loss.item()
    return running


def _networks() -> dict[str, Callable[[], nn.Module]]:
    """Small networks of plain layers: 3k to 150k parameters, 0.2M to 1.7M MACs."""
    from torch import nn

    def conv(inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
        layer = nn.Conv2d(inputs, outputs, 3, stride, 1, groups=groups, bias=False)
        return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    def separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
        point = nn.Conv2d(inputs, outputs, 1, bias=False)
        across = conv(inputs, inputs, stride, groups=inputs)
        return nn.Sequential(across, point, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    class Reused(nn.Module):
        """One separable layer applied six times, a BatchNorm for each application."""

        def __init__(self, channels: int) -> None:
            super().__init__()
            self.across = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
            self.point = nn.Conv2d(channels, channels, 1, bias=False)
            self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(6))

        def forward(self, x: Any) -> Any:
            for norm in self.norms:
                x = (norm(self.point(self.across(x))) + x).relu()
            return x

    def network(*layers: nn.Module, width: int) -> nn.Sequential:
        head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))
        return nn.Sequential(*layers, *head)

    return {
        "tiny": lambda: network(
            conv(1, 8, 2), separable(8, 16), separable(16, 32, 2), separable(32, 32), width=32
        ),
        "separable": lambda: network(
            conv(1, 24), separable(24, 48, 2), separable(48, 96, 2), separable(96, 96), width=96
        ),
        "reused": lambda: network(
            conv(1, 32, 2), Reused(32), separable(32, 64, 2), Reused(64), width=64
        ),
        "plain": lambda: network(
            conv(1, 16, 2), conv(16, 32), conv(32, 64, 2), conv(64, 64), width=64
        ),
    }


if __name__ == "__main__":
    main()
