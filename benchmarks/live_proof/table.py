"""The comparison in tables and a picture."""

from __future__ import annotations

import statistics
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from judge import MARKS, hypervolume, reached_at, read_judged, summary
from picture import draw
from rich.console import Console
from rich.table import Table
from task import FULL, NEUTRAL, SPACE, Run, read_runs

if TYPE_CHECKING:
    Runs = dict[str, list[Run]]

OURS, WITHOUT_LADDER = "ours", "ours without ladder"
SHOWN = MARKS[-13::3]
"""Every doubling of the last sixteenth part."""


def print_tables(runs_path: Path, judged_path: Path) -> None:
    """Hypervolumes at each mark, and how soon ours is where a rival ends."""
    judged = read_judged(judged_path)
    runs: Runs = defaultdict(list)
    for run in read_runs(runs_path):
        runs[run.contender].append(run)
    console = Console(width=130)
    seconds = runs[OURS][0].seconds
    print(
        f"{Path(SPACE).name}, {FULL.epochs} epochs of {FULL.train_images} images; judged by "
        f"{NEUTRAL.epochs} epochs with another seed; {seconds:.0f} s each; mean and standard "
        "error of seeds"
    )
    console.print(_volumes(runs, judged, seconds))
    for ours in (OURS, WITHOUT_LADDER):
        console.print(_shares(runs, judged, ours))
    console.print(_saved(runs, judged))
    picture = runs_path.with_name("live_proof.png")
    draw(picture, runs, judged)
    print(picture)


def _volumes(runs: Runs, judged: dict[str, float], seconds: float) -> Table:
    table = Table(title="hypervolume of the front after so many seconds")
    for heading in ("contender", "seeds", "begun", "in full", "load"):
        table.add_column(heading, justify="left" if heading == "contender" else "right")
    for share in SHOWN:
        table.add_column(f"{share * seconds:.0f}", justify="right")
    for name, of_one in runs.items():
        table.add_row(
            name,
            str(len(of_one)),
            f"{statistics.mean(run.begun for run in of_one):.0f}",
            f"{statistics.mean(len(run.trained) for run in of_one):.0f}",
            f"{statistics.mean(run.load_average for run in of_one):.1f}",
            *(summary([hypervolume(run, share, judged) for run in of_one]) for share in SHOWN),
        )
    return table


def _shares(runs: Runs, judged: dict[str, float], ours: str) -> Table:
    """By seed: the first mark at which ours has what the rival has in the end."""
    table = Table(title=f"share of the time after which '{ours}' is where a rival ends, by seed")
    table.add_column("rival")
    for seed in sorted(run.seed for run in runs[ours]):
        table.add_column(str(seed), justify="right")
    table.add_column("median", justify="right")
    by_seed = {run.seed: run for run in runs[ours]}
    for name, of_one in runs.items():
        if name != ours:
            pairs = [(by_seed[run.seed], run) for run in sorted(of_one, key=lambda run: run.seed)]
            reached = [
                reached_at(mine, hypervolume(theirs, 1.0, judged), judged)
                for mine, theirs in pairs
            ]
            known = sorted(2.0 if share is None else share for share in reached)
            median = statistics.median_high(known)
            table.add_row(name, *map(_share, reached), _share(None if median > 1 else median))
    return table


def _saved(runs: Runs, judged: dict[str, float]) -> Table:
    """What the ladder loses of the hypervolume where its search stops earlier, seed by seed."""
    table = Table(title=f"'{OURS}' stopped early, against '{WITHOUT_LADDER}' in the end")
    table.add_column("time saved", justify="right")
    table.add_column("of the hypervolume lost", justify="right")
    whole = {run.seed: hypervolume(run, 1.0, judged) for run in runs[WITHOUT_LADDER]}
    for share in MARKS[-7:]:
        lost = [1 - hypervolume(run, share, judged) / whole[run.seed] for run in runs[OURS]]
        table.add_row(f"{1 - share:.0%}", summary(lost))
    return table


def _share(share: float | None) -> str:
    return "not" if share is None else f"1/{1 / share:.1f}"
