"""Several candidates on one GPU: what is trained in all with 1, 2, 4, 8 and 16 processes.

    python benchmarks/gpu_sharing.py [--data-dir DIR] [--processes 1,2,4,8,16] [--seconds 20]

Every process trains the same network of less than a million parameters, as a worker of a search
does, again and again; all start together. A figure is the sum of their images per second, and
how many times that is a single process'. Where NVIDIA's MPS runs, processes share the GPU through
it: run it with and without. Skips itself where there is no GPU; `--device cpu` tries it out.
"""

from __future__ import annotations

import argparse
import os
import time
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from _common import machine_line

from nas.data import load_data
from nas.model import build_model
from nas.proxy import train_proxy
from nas.space import load_architecture
from nas.train import seeded
from nas.trial import Fidelity
from nas.workers import allocator_variables

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier

NETWORKS = ("lrunet_2_1x", "mobilenet_v1_cifar_0.25", "vgnetg_1.0mp")
FIDELITY = Fidelity(epochs=1, train_images=6_000, val_images=1_000, batch_size=32)


def main() -> None:
    """Time every network with every number of processes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--processes", default="1,2,4,8,16")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("no GPU here: skipped")
        return
    os.environ.update(allocator_variables(), OMP_NUM_THREADS="1")
    device = torch.cuda.get_device_name() if options.device == "cuda" else "CPU"
    print(f"{device}; {machine_line('torch')}")
    print(f"{'network':28}{'processes':>10}{'images/s':>12}{'times':>8}")
    for name in options.networks.split(","):
        alone = 0.0
        for processes in map(int, options.processes.split(",")):
            rate = together(name, processes, options)
            alone = alone or rate / processes
            print(f"{name:28}{processes:10}{rate:12,.0f}{rate / alone:8.2f}", flush=True)


def together(name: str, processes: int, options: argparse.Namespace) -> float:
    """Images a second of all of them."""
    context = get_context("spawn")
    rates, ready = context.Queue(), context.Barrier(processes)
    words = (name, options.data_dir, options.device, 1 / processes, options.seconds)
    started = [
        context.Process(target=train_on, args=(rates, ready, *words)) for _ in range(processes)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
    if any(process.exitcode for process in started):
        raise SystemExit(f"{name}, {processes} processes: one of them failed, see above")
    return sum(rates.get() for _ in started)


def train_on(
    rates: Queue[float],
    ready: Barrier,
    name: str,
    data_dir: Path | None,
    device: str,
    memory_share: float,
    seconds: float,
) -> None:
    """Train again and again until the time is up; the last training is finished, and counts."""
    torch.set_num_threads(1)
    if device == "cuda":
        torch.cuda.set_per_process_memory_fraction(memory_share)
    data, arch = load_data("fashion_mnist", data_dir=data_dir), load_architecture(name)

    def train(seed: int) -> None:
        with seeded(seed):
            model = build_model(
                arch, in_channels=data.input_shape[0], num_classes=data.num_classes
            )
        train_proxy(model, data, FIDELITY, seed=seed, device=device)

    try:
        train(0)
        ready.wait(timeout=600)
        began, trained = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            trained += 1
            train(trained)
        rates.put(trained * FIDELITY.train_images / (time.perf_counter() - began))
    except BaseException:
        # The others would wait for this one.
        ready.abort()
        raise


if __name__ == "__main__":
    main()
