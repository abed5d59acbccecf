"""Verbs about results: `nas report`, `nas export`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nas.cli._options import Run
from nas.report import front_table

if TYPE_CHECKING:
    from nas.run import RunReport, Session


def report(run: Run) -> None:
    """Print a run's Pareto front, and write front.csv and front.png; also while it runs."""
    from nas.run import open_session

    print_report(Console(), open_session(run))


def export(
    run: Run,
    pick: Annotated[
        str, typer.Option(help="best, knee, all, or the beginning of a network's id.")
    ] = "knee",
    out: Annotated[Path | None, typer.Option(help="Where to; RUN/export if left out.")] = None,
    materialize: Annotated[
        bool, typer.Option("--materialize", help="Write the kernels that rings generate, not rings.")
    ] = False,
) -> None:
    """Write networks of the front as standalone PyTorch code with weights and model file."""
    from nas.run import export_run, open_session

    console = Console()
    session = open_session(run)
    folder = out or session.folder.path / "export"
    for files in export_run(session, pick, folder, materialized=materialize):
        for path in (files.module, files.weights, files.model_file):
            if path is not None:
                console.print(str(path), highlight=False, soft_wrap=True)


def print_report(console: Console, session: Session) -> None:
    """Write a run's report files and print its front and its counts."""
    from nas.run import report_run

    made = report_run(session)
    if not made.report.front:
        console.print("No network has been evaluated yet.")
        _print_failures(console, made)
        return
    console.print(front_table(made.report.front, session.problem.objectives))
    counts = Counter(evaluation.state for evaluation in made.evaluations)
    console.print(
        f"{len(made.report.front)} networks on the front of {counts['complete']} trained; "
        f"{counts['reused']} proposals answered from the record, {counts['rejected']} rejected "
        f"by exact cost, {counts['failed']} failed. Hypervolume {made.hypervolume:.4f}.",
        highlight=False,
        soft_wrap=True,
    )
    _print_failures(console, made)
    console.print(
        f"Run folder: {session.folder.path} (front.csv, front.png)",
        highlight=False,
        soft_wrap=True,
    )


def _print_failures(console: Console, made: RunReport) -> None:
    failures = Counter(
        evaluation.failure.kind
        for evaluation in made.evaluations
        if evaluation.state == "failed" and evaluation.failure
    )
    for kind, count in failures.most_common():
        example = next(
            evaluation
            for evaluation in made.evaluations
            if evaluation.state == "failed"
            and evaluation.failure
            and evaluation.failure.kind == kind
        )
        assert example.failure is not None
        console.print(
            f"failed: {count} x {kind}, for instance trial {example.number}: "
            f"{example.failure.message}",
            highlight=False,
            soft_wrap=True,
        )
