"""Two versions of this repository beside each other: what the engine costs, before and after.

    git worktree add --detach /tmp/before COMMIT
    python benchmarks/side_by_side.py /tmp/before [--rounds 5] [--only NAME,...]

Each round runs every measurement in both trees, one right after the other, by the programs that
the trees themselves have: `engine_overhead.py`, `ask.py`, `exact_costs.py`, `nas bench` and `nas
--help`. What is compared is processor time, of which a busy machine changes less than of wall
time; the tree that goes first changes with each round. Both search the spaces of the earlier
tree. Medians over the rounds, and in brackets the quartiles of the ratio within a round.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Figures of one tree by name, in milliseconds."""

    name: str
    of: Callable[[Path], dict[str, float]]


def output_of(tree: Path, *command: str) -> str:
    """What a Python program prints that imports `nas`, and benchmarks, from a tree.

    Ray's workers find both by the variable.
    """
    paths = os.pathsep.join(map(str, (tree, tree / "benchmarks")))
    env = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    done = subprocess.run(
        (sys.executable, *command), cwd=tree, env=env, check=True, capture_output=True, text=True
    )
    return done.stdout


ENGINE = """
import os
import engine_overhead as ours
ours.SPACE = f"{os.environ['SPACES']}/lru_vgnet.yaml"
ours.OUR_SAMPLERS = ("model",)
ours.main()
"""


def engine(tree: Path) -> dict[str, float]:
    """A trial that trains nothing: loop, sampler, journal, log."""
    trials = ("--repeats", "1", "--trials", "50", "350")
    text = output_of(tree, "-c", ENGINE, "--ours-only", "--json", *trials)
    row = json.loads(text[text.index("{") :])["rows"][0]
    return {
        "engine, driver CPU a trial": row["driver_cpu_ms"],
        "engine, each further trial (wall time)": row["each_further_ms"],
    }


ASK = """
import os, time
import ask
for name, count in (("lru_vgnet", 1_000), ("reuse_all", 1_000)):
    space = ask.load_space(f"{os.environ['SPACES']}/{name}.yaml")
    problem = ask.Problem(
        space=space, input_shape=(1, 28, 28), num_classes=10,
        objectives=ask.parse_objectives(("accuracy", "params", "macs")),
    )
    known = ask.feasible(problem, count + ask.PENDING)
    propose = ask.our_ask(problem, known[:count], known[-ask.PENDING:])
    propose(0)
    began = time.process_time()
    for turn in range(20):
        propose(turn + 1)
    print(name, count, 50 * (time.process_time() - began))
"""
"""By the functions of a tree's own `ask.py`, without its rivals."""


def ask(tree: Path) -> dict[str, float]:
    """A proposal of `model` where much is known, mean of 20."""
    lines = [line.split() for line in output_of(tree, "-c", ASK).splitlines()]
    return {f"proposal, {space}, {known} known": float(ms) for space, known, ms in lines}


def bench(tree: Path) -> dict[str, float]:
    """A proposal of `model` on the tree's own table, in the middle of a search of 200."""
    with tempfile.TemporaryDirectory() as folder:
        options = ("--tables", "lru_vgnet_small", "--samplers", "model", "--seeds", "2")
        run = "import sys; sys.argv[0] = 'nas'; from nas.cli import main; main()"
        output_of(tree, "-c", run, "bench", *options, "--out", folder)
        with (Path(folder) / "bench.csv").open() as file:
            row = next(csv.DictReader(file))
    return {"proposal, nas bench": float(row["ask_ms"])}


COSTS = """
import os, sys
import exact_costs as ours

def empty_caches():
    for module in [one for name, one in sys.modules.items() if name.split(".")[0] == "nas"]:
        for item in list(vars(module).values()):
            if hasattr(item, "cache_clear"):
                item.cache_clear()

path = f"{os.environ['SPACES']}/lru_vgnet.yaml"
genomes = ours.draw(ours.load_space(path), 5_000, seed=0)
archs = list(map(ours.load_space(path).decode, genomes))
empty_caches()
print(1e3 / ours.per_second(len(archs), lambda: ours.count_all(archs)), "cold")
print(1e3 / ours.per_second(len(archs), lambda: ours.count_all(archs)), "warm")
space = ours.load_space(path)
empty_caches()
print(1e3 / ours.per_second(len(archs), lambda: ours.from_genomes(space, genomes)), "from genome")
"""


def costs(tree: Path) -> dict[str, float]:
    """An architecture counted exactly, by the functions of a tree's own `exact_costs.py`."""
    lines = [line.split(maxsplit=1) for line in output_of(tree, "-c", COSTS).splitlines()]
    return {f"exact costs, {way}": float(ms) for ms, way in lines}


def help_page(tree: Path) -> dict[str, float]:
    """`nas --help`, from an empty process."""
    run = "import sys; sys.argv[0] = 'nas'; from nas.cli import main; main()"
    spent = []
    for _ in range(5):
        before_s = children_s()
        output_of(tree, "-c", run, "--help")
        spent.append(1e3 * (children_s() - before_s))
    return {"nas --help": statistics.median(spent)}


def children_s() -> float:
    """Processor seconds of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


MEASUREMENTS = tuple(
    Measurement(name, of)
    for name, of in (
        ("engine", engine),
        ("bench", bench),
        ("ask", ask),
        ("costs", costs),
        ("help", help_page),
    )
)


Pair = tuple[float, float]


def compare(trees: tuple[Path, Path], rounds: int, names: list[str]) -> dict[str, list[Pair]]:
    """Pairs (before, after) of every figure, one a round."""
    found: dict[str, list[Pair]] = defaultdict(list)
    for turn in range(rounds):
        for one in MEASUREMENTS:
            if names and one.name not in names:
                continue
            order = trees if turn % 2 == 0 else trees[::-1]
            figures = {tree: one.of(tree) for tree in order}
            before, after = (figures[tree] for tree in trees)
            for figure in before:
                found[figure].append((before[figure], after[figure]))
            lines = [f"{name} {before[name]:.3g} {after[name]:.3g}" for name in before]
            print(f"round {turn + 1}: {'; '.join(lines)}", file=sys.stderr, flush=True)
    return found


def print_table(found: dict[str, list[Pair]], title: str) -> None:
    """One line a figure."""
    table = Table(title=title)
    for heading in ("ms", "n", "before", "after", "after / before"):
        table.add_column(heading, justify="left" if heading == "ms" else "right")
    for name, pairs in found.items():
        before, after = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratios = [new / old for old, new in pairs]
        low, middle, high = quartiles(ratios)
        table.add_row(
            name,
            str(len(pairs)),
            f"{before:.3g}",
            f"{after:.3g}",
            f"{middle:.2f} ({low:.2f} to {high:.2f})",
        )
    Console(width=120).print(table)


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """The three of them; of one value, thrice that."""
    if len(values) == 1:
        return (values[0],) * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def commit_of(tree: Path) -> str:
    """Short hash."""
    git = partial(subprocess.run, check=True, capture_output=True, text=True, cwd=tree)
    return git(("git", "rev-parse", "--short", "HEAD")).stdout.strip()


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before", type=Path, help="a checkout of the earlier version")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="names, separated by commas")
    options = parser.parse_args()
    trees = (options.before.resolve(), HERE)
    # What a tree's own spaces open has changed, too.
    os.environ["SPACES"] = str(trees[0] / "search_spaces")
    found = compare(trees, options.rounds, [name for name in options.only.split(",") if name])
    load = f"load {os.getloadavg()[0]:.1f}"
    print_table(found, f"{commit_of(trees[0])} and {commit_of(trees[1])}, {load}")


if __name__ == "__main__":
    main()
