"""Training every network on every setting, and the file that keeps the results."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import time
from typing import TYPE_CHECKING, Any

from networks import CLASSES, FOLDER, SHAPE, draw_networks

from nas.cost import cost_of
from nas.trial import Fidelity

if TYPE_CHECKING:
    from nas.arch import Architecture

OUT = FOLDER / "trainings.jsonl"
SECOND_SEED = 20
"""So many of the first networks are trained with two seeds."""


def _fidelity(epochs: int, images: int, batch: int, side: int | None = None) -> Fidelity:
    return Fidelity(
        epochs=epochs, train_images=images, val_images=5_000, batch_size=batch, resolution=side
    )


SETTINGS = {
    "1 x 6k, 14 px, batch 32": _fidelity(1, 6_000, 32, 14),
    "4 x 6k, 14 px, batch 32": _fidelity(4, 6_000, 32, 14),
    "2 x 6k, batch 32": _fidelity(2, 6_000, 32),
    "4 x 6k, batch 32": _fidelity(4, 6_000, 32),
    "2 x 12k, batch 64": _fidelity(2, 12_000, 64),
    "1 x 30k, batch 128": _fidelity(1, 30_000, 128),
    "2 x 24k, batch 64": _fidelity(2, 24_000, 64),
    "8 x 30k, batch 128": _fidelity(8, 30_000, 128),
}
"""Validation is always on the same 5,000 images."""
QUICK_MACS = 550_000
LONG = "8 x 30k, batch 128"
"""The training that the others are judged by."""


def train_missing(processes: int) -> None:
    """Train what the file lacks, network by network."""
    known = {(row["id"], row["seed"], row["setting"]) for row in read_trainings()}
    # Half of all first, those of few multiply-accumulates: they tell most in a given time.
    drawn = sorted(draw_networks(), key=lambda arch: _macs(arch) > QUICK_MACS)
    jobs = [
        (arch, seed, setting)
        for seed, networks in ((0, drawn), (1, drawn[:SECOND_SEED]))
        for arch in networks
        for setting in SETTINGS
        if (arch.id, seed, setting) not in known
    ]
    print(f"{len(known)} trainings done, {len(jobs)} to do", flush=True)
    with multiprocessing.get_context("spawn").Pool(processes, _load) as pool:
        for number, line in enumerate(pool.imap_unordered(_train, jobs), 1):
            print(f"{number} of {len(jobs)}: {line}", flush=True)


def _macs(arch: Architecture) -> int:
    return cost_of(arch, input_shape=SHAPE, num_classes=CLASSES).macs


def read_trainings() -> list[dict[str, Any]]:
    """The lines of the file; empty without one."""
    return [json.loads(line) for line in OUT.read_text().splitlines()] if OUT.exists() else []


def _load() -> None:
    """Once in each process."""
    import torch

    from nas.data import load_data

    torch.set_num_threads(1)
    globals()["data"] = load_data("fashion_mnist")


def _train(job: tuple[Architecture, int, str]) -> str:
    from nas.model import build_model
    from nas.proxy import train_proxy
    from nas.train import proxy_seed, seeded

    arch, seed, setting = job
    fixed = proxy_seed(arch.id, seed)
    with seeded(fixed):
        model = build_model(arch, in_channels=SHAPE[0], num_classes=CLASSES)
    began_s = time.process_time()
    scores = train_proxy(model, globals()["data"], SETTINGS[setting], seed=fixed)
    cost = cost_of(arch, input_shape=SHAPE, num_classes=CLASSES)
    row = {
        "id": arch.id,
        "seed": seed,
        "setting": setting,
        "accuracy": round(scores.accuracy, 4),
        "loss": round(scores.loss, 4),
        "cpu_s": round(time.process_time() - began_s, 1),
        "params": cost.params,
        "macs": cost.macs,
        "blocks": [stage.block.kind for stage in arch.stages],
    }
    line = json.dumps(row)
    with OUT.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(line + "\n")
    return line
