"""Train every network of lru_vgnet_small on every rung, two seeds each: a table for `nas bench`.

Takes about four hours of one core; stop it and run it again as you like, it goes on.

    python benchmarks/make_table.py --processes 2
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

# Before torch loads: large tensors keep their memory between steps, and one thread each.
os.environ |= {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "-1",
}
OUT = Path(__file__).parents[1] / "results" / "lru_vgnet_small_table" / "trainings.jsonl"


def main() -> None:
    """Train what the file lacks."""
    from nas.bench import SEEDS, all_networks, append_training, read_trainings

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    processes = parser.parse_args().processes
    OUT.parent.mkdir(exist_ok=True)
    networks = all_networks()
    known = {(one.id, one.seed) for one in read_trainings(OUT)}
    jobs = [(arch_id, seed) for arch_id in networks for seed in SEEDS]
    missing = [(networks[name].arch, seed) for name, seed in jobs if (name, seed) not in known]
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with (
        multiprocessing.get_context("spawn").Pool(processes, _load) as pool,
        Progress(*columns, console=Console()) as progress,
    ):
        bar = progress.add_task("trainings", total=len(jobs), completed=len(known))
        for training in pool.imap_unordered(_train, missing):
            append_training(OUT, training)
            progress.advance(bar)


def _load() -> None:
    """Once in each process."""
    import torch

    from nas.bench import DATA
    from nas.data import load_data

    torch.set_num_threads(1)
    globals()["data"] = load_data(DATA)


def _train(job):  # type: ignore[no-untyped-def]
    from nas.bench import train_on_all_rungs

    arch, seed = job
    return train_on_all_rungs(arch, seed, globals()["data"])


if __name__ == "__main__":
    main()
