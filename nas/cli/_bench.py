"""The verb `nas bench`: samplers compared on tables of finished trainings."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from nas.cli._options import Json
from nas.cli._screen import make_console

if TYPE_CHECKING:
    from rich.console import Console

    from nas.bench import BenchReport, SummaryRow


def bench(
    tables: Annotated[
        str | None, typer.Option(help="Tables by name, separated by commas; all if left out.")
    ] = None,
    samplers: Annotated[
        str | None,
        typer.Option(help="Samplers by name; the others are tested against the first."),
    ] = None,
    num_seeds: Annotated[
        int, typer.Option("--seeds", help="Searches of each sampler on each table.")
    ] = 20,
    first_seed: Annotated[
        int, typer.Option(help="Where seeds begin: fresh ones judge what others have chosen.")
    ] = 0,
    budget: Annotated[int, typer.Option(help="Trainings looked up in each search.")] = 200,
    workers: Annotated[int, typer.Option(help="Simulated asynchronous workers.")] = 8,
    out: Annotated[
        Path, typer.Option(help="Where runs are kept and the comparison is written.")
    ] = Path("bench"),
    as_json: Json = False,
) -> None:
    """Compare samplers on tables of finished trainings; interrupt and repeat as you like."""
    console = make_console(silent=as_json)
    console.print(f"Comparing samplers; searches are kept in {out}.", soft_wrap=True)
    from nas.bench import CONTENDERS, TABLES, BenchSettings, run_bench  # loads Optuna

    settings = BenchSettings(
        out=out,
        tables=_names(tables) if tables is not None else TABLES,
        samplers=_names(samplers) if samplers is not None else tuple(CONTENDERS),
        num_seeds=num_seeds,
        first_seed=first_seed,
        budget=budget,
        workers=workers,
    )
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("runs", total=settings.num_runs)
        report = run_bench(settings, on_run=lambda run: progress.advance(bar))
    print_bench(console, report)
    if as_json:
        typer.echo(json.dumps(asdict(report), default=str))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def print_bench(console: Console, report: BenchReport) -> None:
    """One table per data set, and where the files are."""
    for name in dict.fromkeys(row.table for row in report.rows):
        console.print(_table(name, report))
    console.print(
        "Share of the true front's hypervolume after so many trainings, on accuracies the search "
        "never saw, mean and standard error over seeds; 'picked' is the front as the search saw "
        "it. to .90: trainings until that share, median. dup %: trainings of a network trained "
        "before, in any spelling. p: Wilcoxon signed-rank test against the first line at the last "
        "mark. ms: CPU time of a proposal.",
        highlight=False,
    )
    console.print(f"{report.csv}, {report.plot}", highlight=False, soft_wrap=True)


def _table(name: str, report: BenchReport) -> Table:
    table = Table(title=name)
    table.add_column("sampler", no_wrap=True)
    for heading in (
        *(f"@{mark}" for mark in report.marks),
        "picked",
        "to .90",
        ".95",
        ".98",
        "dup %",
        "rank",
        "p",
        "ms",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in report.rows:
        if row.table == name:
            table.add_row(row.sampler, *_cells(row))
    return table


def _cells(row: SummaryRow) -> list[str]:
    pairs = zip(row.shares, row.errors, strict=True)
    return [
        *(f"{share:.3f}±{error:.3f}".replace("0.", ".") for share, error in pairs),
        f"{row.picked_share:.2f}".lstrip("0"),
        *("-" if count is None else f"{count:.0f}" for count in row.evaluations_to),
        f"{100 * row.duplicate_share:.0f}",
        f"{row.rank:.1f}",
        "" if row.p_value is None else f"{row.p_value:.1g}",
        f"{row.ask_ms:.1f}",
    ]
