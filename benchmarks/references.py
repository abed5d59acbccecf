"""Networks of this search beside published families of the same size, all by one recipe.

    python benchmarks/references.py train [--processes 2]   # results/references/trainings.jsonl
    python benchmarks/references.py print                   # the tables

The rivals under 5,000 and 15,000 parameters are what one would do without a search: LruNet,
MobileNetV1 and VGNet made narrower until they fit. Stop `train` and start it again as you like, it
goes on. Every training is a `nas train`, which reads the test images once, at its end.
"""

from __future__ import annotations

import argparse
import json
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _neutral import ROOT, ZOO, Training, append_line, read_lines, scaled
from rich.console import Console
from rich.table import Table

OUT = ROOT / "results" / "references" / "trainings.jsonl"
WORK = ROOT / "runs" / "references"
FINALISTS = ROOT / "results" / "lru_vgnet_200" / "final" / "networks"
LONGER = ROOT / "results" / "trained_longer"
LENET = ("--set", "optimizer.rate=0.002")
"""Networks without BatchNorm do not bear ten times that; all four of them get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One network of the tables."""

    name: str
    group: str
    model: Path
    width: float | None = None
    """Multiplies the model file's channels."""
    seeds: int = 3
    options: tuple[str, ...] = ()
    """Of `nas train`, beside the recipe."""


def _scaled(group: str, name: str, model: str, width: float, seeds: int = 3) -> Entry:
    words = f"{name} x {width:g}" if width != 1 else name
    return Entry(name=words, group=group, model=ZOO / f"{model}.yaml", width=width, seeds=seeds)


def _ours(group: str, folder: Path, seeds: int = 3) -> Entry:
    model = folder / "model.yaml"
    return Entry(name=f"ours, {folder.name}", group=group, model=model, seeds=seeds)


def _lenet(name: str, words: str) -> Entry:
    return Entry(name=words, group="LeNet", model=ZOO / f"{name}.yaml", options=LENET)


SMALL, MIDDLE, LARGE = "up to 6k parameters", "up to 18k", "up to 220k"
ENTRIES = (
    _ours(SMALL, LONGER / "ba1852ea08b3"),
    _ours(SMALL, FINALISTS / "5e1c13ecf566"),
    _scaled(SMALL, "LruNet N=1", "lrunet_1_1x", 0.125),
    _scaled(SMALL, "VGNetG", "vgnetg_1.0mp_cifar", 0.0625),
    _ours(MIDDLE, LONGER / "e141827572a2"),
    _scaled(MIDDLE, "LruNet N=1", "lrunet_1_1x", 0.25),
    _scaled(MIDDLE, "MobileNetV1", "mobilenet_v1_cifar_1.0", 0.0625),
    _scaled(MIDDLE, "VGNetG", "vgnetg_1.0mp_cifar", 0.125),
    _lenet("lenet", "standard"),
    _lenet("lenet_bn", "standard, BatchNorm"),
    _lenet("lenet_depthwise", "depthwise"),
    _lenet("lenet_depthwise_bn", "depthwise, BatchNorm"),
    _ours(LARGE, FINALISTS / "7c59de46647a", seeds=1),
    _scaled(LARGE, "LruNet N=1", "lrunet_1_1x", 0.5, seeds=1),
    _scaled(LARGE, "LruNet N=1", "lrunet_1_1x", 1, seeds=1),
    _scaled(LARGE, "MobileNetV1", "mobilenet_v1_cifar_0.25", 1, seeds=1),
)


def main() -> None:
    """Train, or print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("verb", choices=("train", "print"))
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if options.verb == "train":
        train_missing(options.processes)
    else:
        print_tables()


def train_missing(processes: int) -> None:
    """Train what the file lacks, every network once before any twice."""
    for folder in (WORK, OUT.parent):
        folder.mkdir(parents=True, exist_ok=True)
    known = {(row["name"], row["group"], row["seed"]) for row in read_trainings()}
    jobs = [
        (entry, seed)
        for seed in range(max(entry.seeds for entry in ENTRIES))
        for entry in ENTRIES
        if seed < entry.seeds and (entry.name, entry.group, seed) not in known
    ]
    with ThreadPoolExecutor(processes) as pool:
        for row in pool.map(lambda job: _train(*job), jobs):
            print(json.dumps(row), flush=True)


def _train(entry: Entry, seed: int) -> dict[str, Any]:
    place = WORK / f"{entry.group}-{entry.name}-{seed}".replace(" ", "_").replace(",", "")
    model = entry.model
    if entry.width is not None:
        model = scaled(entry.model.stem, entry.width, WORK)
    trained = Training(model=model, seed=seed, place=place, options=entry.options).run()
    row = {"name": entry.name, "group": entry.group, **trained}
    append_line(OUT, row)
    return row


def read_trainings() -> list[dict[str, Any]]:
    """The lines of the file; empty without one."""
    return read_lines(OUT)


def print_tables() -> None:
    """Each group by test accuracy, mean and standard deviation over its seeds."""
    rows, console = read_trainings(), Console(width=100)
    for group in dict.fromkeys(entry.group for entry in ENTRIES):
        table = Table(title=group, title_justify="left")
        for heading in ("network", "parameters", "MACs", "seeds", "validation, %", "test, %"):
            table.add_column(heading, justify="left" if heading == "network" else "right")
        named = {row["name"]: row for row in rows if row["group"] == group}
        if not named:
            continue
        lines = [
            (name, one, [row for row in rows if (row["group"], row["name"]) == (group, name)])
            for name, one in named.items()
        ]
        for name, one, each in sorted(lines, key=lambda line: -_mean(line[2], "test")):
            spread = [_spread(each, part) for part in ("validation", "test")]
            costs = (f"{one['params']:,}", f"{one['macs']:,}", str(len(each)))
            table.add_row(name, *costs, *spread)
        console.print(table)


def _mean(rows: list[dict[str, Any]], part: str) -> float:
    return statistics.fmean(row[part] for row in rows)


def _spread(rows: list[dict[str, Any]], part: str) -> str:
    deviation = statistics.stdev(row[part] for row in rows) if len(rows) > 1 else None
    told = f" ± {100 * deviation:.2f}" if deviation is not None else ""
    return f"{100 * _mean(rows, part):.2f}{told}"


if __name__ == "__main__":
    main()
