"""The proof that counts: the same minutes of search, the best small networks, trained in full.

    python benchmarks/final_proof.py search [--minutes 20] [--seeds 3]   # nothing else running
    python benchmarks/final_proof.py train [--processes 2] [--seeds 3]
    python benchmarks/final_proof.py print

Each search names its best network, by its own proxies, under 5k, 15k and 50k parameters and 3 M
MACs; ours also after a third of the time. Beside them stands what one has without a search: the
zoo's families, their width lowered until they fit. All are trained by one recipe; the test images
are read once for each training, at its end. At 28 pixels our searches have no ladder, so there is
none to leave out. Both verbs go on where they were stopped, a search from its start; records are
in results/final_proof.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import shutil
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from _common import machine_line
from _neutral import ROOT, ZOO, Training, append_line, read_lines, scaled
from rich.console import Console
from rich.table import Table

from nas import cost_of, load_architecture, open_run
from nas.errors import IllegalArchitecture
from nas.space import dump_architecture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nas.run import Run
    from nas.trial import Evaluation

OUT = ROOT / "results" / "final_proof"
SEARCHES, TRAININGS, NETWORKS = OUT / "searches.jsonl", OUT / "trainings.jsonl", OUT / "networks"
WORK = ROOT / "runs" / "final_proof"
SAMPLERS = {"ours": "model", "TPE, multivariate": "tpe", "random": "random"}
"""Contenders that search; deduplication, trainer and workers are ours for all of them."""
OURS = "ours"
EARLY = "ours, a third of the time"
FAMILIES = {
    "LruNet N=1": "lrunet_1_1x",
    "MobileNetV1": "mobilenet_v1_cifar_1.0",
    "VGNetG": "vgnetg_1.0mp_cifar",
    "MGIC-MobileNetV3": "mgic_mobilenetv3_small_cifar",
}
"""Contenders that do not: a model file of the zoo each, to be made narrower."""
LIMITS = (5_000, 15_000, 50_000)
"""Parameters."""
MAX_MACS = 3_000_000
INPUT_SHAPE, NUM_CLASSES = (1, 28, 28), 10
WIDTHS = 128
"""Widths tried: so many steps from nothing to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """What a search calls its best network under a limit."""

    contender: str
    seed: int
    limit: int
    id: str
    proxy: float
    """Validation accuracy of the proxy."""


def main() -> None:
    """Search, train, or print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("verb", choices=("search", "train", "print"))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    for folder in (NETWORKS, WORK):
        folder.mkdir(parents=True, exist_ok=True)
    if options.verb == "search":
        search_missing(options.minutes, options.seeds)
    elif options.verb == "train":
        train_missing(options.processes, options.seeds)
    else:
        print_tables()


def search_missing(minutes: float, seeds: int) -> None:
    """The searches that the file lacks, one after the other, each with the whole machine."""
    lines = read_lines(SEARCHES)
    if others := {line["minutes"] for line in lines} - {minutes}:
        raise SystemExit(f"--minutes {minutes:g}: {SEARCHES} has searches of {others} minutes")
    known = {(line["contender"], line["seed"]) for line in lines}
    for seed, contender in itertools.product(range(seeds), SAMPLERS):
        if (contender, seed) not in known:
            print(f"{contender}, seed {seed}: {machine_line()}", flush=True)
            append_line(SEARCHES, _search(contender, seed, minutes))


def _search(contender: str, seed: int, minutes: float) -> dict[str, Any]:
    place = WORK / f"{SAMPLERS[contender]}-{seed}"
    shutil.rmtree(place, ignore_errors=True)  # half a search has had more than its minutes
    words = ["search", "--space", "lru_vgnet", "--budget", "100000", "--minutes", str(minutes)]
    words += ["--max-params", str(max(LIMITS)), "--max-macs", str(MAX_MACS)]
    words += ["--sampler", SAMPLERS[contender], "--seed", str(seed)]
    words += ["--out", str(place), "--quiet"]
    load = os.getloadavg()[0]
    subprocess.run([sys.executable, "-m", "nas", *words], check=True)
    run = open_run(place)
    trained = sorted(
        (one for one in run.trials() if one.state == "complete"),
        key=lambda one: one.finished_s or 0.0,
    )
    shares = {contender: 1.0} | ({EARLY: 1 / 3} if contender == OURS else {})
    picks = [
        pick
        for name, share in shares.items()
        for pick in _picks(run, _until(trained, run, 60 * minutes * share), name, seed)
    ]
    return {
        "contender": contender,
        "seed": seed,
        "minutes": minutes,
        "networks": len(trained),
        "load_before": load,
        "picks": [asdict(pick) for pick in picks],
    }


def _until(trained: Sequence[Evaluation], run: Run, seconds: float) -> list[Evaluation]:
    """Those that were trained in the first so many seconds of the search."""
    begun = (run.path / "search.json").stat().st_mtime
    return [one for one in trained if (one.finished_s or math.inf) <= begun + seconds]


def _picks(run: Run, trained: Sequence[Evaluation], contender: str, seed: int) -> Iterator[Pick]:
    """The most accurate proxy under each limit; its model file is kept."""
    for limit in LIMITS:
        fitting = [one for one in trained if one.cost is not None and one.cost.params <= limit]
        if not fitting:
            continue
        best = max(fitting, key=lambda one: one.scores.accuracy if one.scores else 0.0)
        assert best.scores is not None
        arch = run.problem.space.decode(best.genome)
        (NETWORKS / f"{arch.id}.yaml").write_text(dump_architecture(arch))
        yield Pick(
            contender=contender, seed=seed, limit=limit, id=arch.id, proxy=best.scores.accuracy
        )


@cache
def widest(family: str, limit: int) -> tuple[float, str] | None:
    """Width and id of a family's widest network under the limits; None where none is."""
    for step in range(WIDTHS, 1, -1):
        width = step / WIDTHS
        try:
            arch = load_architecture(str(ZOO / f"{FAMILIES[family]}.yaml"), [f"width={width}"])
        except IllegalArchitecture:
            continue
        cost = cost_of(arch, input_shape=INPUT_SHAPE, num_classes=NUM_CLASSES)
        if cost.params <= limit and cost.macs <= MAX_MACS:
            return width, arch.id
    return None


def train_missing(processes: int, seeds: int) -> None:
    """Every network of a search once, with the search's seed; the families with every seed.

    The searches' seeds come one after the other, and the smaller limits first.
    """
    known = {(line["id"], line["seed"]) for line in read_lines(TRAININGS)}
    trainings = [
        Training(model=model, seed=seed, place=WORK / f"{arch_id}-{seed}")
        for seed, limit in itertools.product(range(seeds), LIMITS)
        for arch_id, model in _models(seed, limit)
        if (arch_id, seed) not in known
    ]
    trainings = list(dict.fromkeys(trainings))

    def run(training: Training) -> None:
        append_line(TRAININGS, training.run())
        print(f"{training.place.name}: done", flush=True)

    with ThreadPoolExecutor(processes) as threads:
        list(threads.map(run, trainings))


def _models(seed: int, limit: int) -> Iterator[tuple[str, Path]]:
    """Id and model file of every contender's network."""
    for pick in read_picks():
        if (pick.seed, pick.limit) == (seed, limit):
            yield pick.id, NETWORKS / f"{pick.id}.yaml"
    for family in FAMILIES:
        if (found := widest(family, limit)) is not None:
            width, arch_id = found
            yield arch_id, scaled(FAMILIES[family], width, WORK)


def read_picks() -> list[Pick]:
    """Of all searches so far."""
    return [Pick(**pick) for line in read_lines(SEARCHES) for pick in line["picks"]]


def print_tables() -> None:
    """For each limit the contenders by test accuracy, and how far ours is ahead."""
    trained = {(line["id"], line["seed"]): line for line in read_lines(TRAININGS)}
    for line in read_lines(SEARCHES):
        print(
            f"{line['contender']}, seed {line['seed']}: {line['networks']} networks in "
            f"{line['minutes']:g} minutes, load before {line['load_before']:.1f}"
        )
    for limit in LIMITS:
        rows = _of_limit(limit, trained)
        table = Table(title=f"up to {limit:,} parameters and 3 M MACs", title_justify="left")
        headings = ("contender", "seeds", "parameters", "MACs", "test, %", "ours ahead by")
        for heading in headings:
            table.add_column(heading, justify="left" if heading == "contender" else "right")
        for name, of_one in sorted(rows.items(), key=lambda item: -_mean(item[1], "test")):
            sizes = (f"{_mean(of_one, 'params'):,.0f}", f"{_mean(of_one, 'macs'):,.0f}")
            ahead = "" if name == OURS else _ahead(rows.get(OURS, []), of_one)
            table.add_row(name, str(len(of_one)), *sizes, _spread(of_one), ahead)
        Console(width=110).print(table)


def _of_limit(
    limit: int, trained: dict[tuple[str, int], dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """The trainings of each contender that has any."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for pick in read_picks():
        if pick.limit == limit and (pick.id, pick.seed) in trained:
            rows.setdefault(pick.contender, []).append(trained[pick.id, pick.seed])
    for family in FAMILIES:
        if (found := widest(family, limit)) is not None:
            own = [line for (arch_id, _), line in trained.items() if arch_id == found[1]]
            rows |= {f"{family} x {found[0]:g}": own} if own else {}
    return rows


def _mean(rows: Sequence[dict[str, Any]], key: str) -> float:
    return statistics.fmean(row[key] for row in rows)


def _error(rows: Sequence[dict[str, Any]]) -> float | None:
    """Standard error of the mean test accuracy over seeds."""
    if len(rows) < 2:
        return None
    return statistics.stdev(row["test"] for row in rows) / math.sqrt(len(rows))


def _spread(rows: Sequence[dict[str, Any]]) -> str:
    error = _error(rows)
    told = "" if error is None else f" ± {100 * error:.2f}"
    return f"{100 * _mean(rows, 'test'):.2f}{told}"


def _ahead(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> str:
    """Points between the means, and the standard error of that, seeds taken as independent."""
    if not ours:
        return ""
    points = 100 * (_mean(ours, "test") - _mean(theirs, "test"))
    errors = [_error(rows) for rows in (ours, theirs)]
    known = [error for error in errors if error is not None]
    return f"{points:+.2f}" + (f" ± {100 * math.hypot(*known):.2f}" if len(known) == 2 else "")


if __name__ == "__main__":
    main()
