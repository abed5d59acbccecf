"""Verbs about results: `nas report`, `nas export`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from nas.cli._latency import print_front_latencies
from nas.cli._options import Run, Runs, make_console
from nas.report import add_id_column, front_table, noise_remarks
from nas.units import human_bytes

if TYPE_CHECKING:
    from rich.console import Console

    from nas.run import RunReport, Session

_INT8_HEADINGS = (
    "accuracy\nfp32",
    "accuracy\nint8",
    "points\nlost",
    "weights\nfp32",
    "weights\nint8",
    "ONNX\nfp32",
    "ONNX\nint8",
)


def report(
    runs: Runs,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow a search: write the page anew as it goes on.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page that compares several runs.")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantise the front too: RUN/int8, accuracy and size.")
    ] = False,
) -> None:
    """Print a run's front and write report.html; several runs are compared in one page."""
    from nas.run import open_session, write_comparison
    from nas.run import watch as follow

    console = make_console()
    if len(runs) > 1:
        page = out or runs[0] / "compare.html"
        write_comparison(page, [open_session(run) for run in runs])
        _print_line(console, f"{len(runs)} runs compared: {page}")
        return
    if watch:
        follow(lambda: open_session(runs[0]), lambda page: _print_line(console, f"Live: {page}"))
    session = open_session(runs[0])
    print_report(console, session)
    if int8:
        _print_int8(console, session)


def export(
    run: Run,
    pick: Annotated[
        str, typer.Option(help="best, knee, all, or the beginning of a network's id.")
    ] = "knee",
    out: Annotated[Path | None, typer.Option(help="Where to; RUN/export if left out.")] = None,
    materialize: Annotated[
        bool,
        typer.Option("--materialize", help="Write the kernels that rings generate, not rings."),
    ] = False,
) -> None:
    """Write networks of the front as standalone PyTorch code with weights and model file."""
    from nas.run import export_run, open_session

    console = make_console()
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
    counts = Counter(evaluation.state for evaluation in made.evaluations)
    if made.report.front:
        console.print(front_table(made.report.front, session.problem.objectives))
        print_front_latencies(console, session)
    for remark in noise_remarks(
        made.report.front, chance=session.chance, images=session.val_images
    ):
        _print_line(console, remark)
    _print_line(
        console,
        f"{_networks(counts['complete'])} trained, {len(made.report.front)} on the front, "
        f"hypervolume {made.hypervolume:.4f}; {counts['failed']} failed.",
    )
    if counts["pruned"]:
        _print_line(
            console, f"Stopped below full training: {_networks(counts['pruned'])} (--ladder)."
        )
    if counts["duplicate"] or counts["rejected"]:
        _print_line(
            console,
            f"Without training: {counts['duplicate']} proposals answered from the record, "
            f"{counts['rejected']} rejected by exact cost.",
        )
    _print_failures(console, made)
    _print_line(console, f"Run folder: {session.folder.path} (report.html, front.csv, front.png)")


def _print_int8(console: Console, session: Session) -> None:
    """The front as ONNX Runtime runs it, before and after quantisation."""
    from nas.run import quantize_front

    table = Table(
        title="The front in int8, validation accuracy",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    add_id_column(table)
    for heading in _INT8_HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for member in quantize_front(session):
        made, cost = member.network, member.row.cost
        table.add_row(
            member.row.arch_id,
            f"{made.fp32_accuracy:.2%}".replace("%", " %"),
            f"{made.int8_accuracy:.2%}".replace("%", " %"),
            f"{100 * (made.fp32_accuracy - made.int8_accuracy):.2f}",
            *map(human_bytes, (cost.stored_bytes, cost.int8_stored_bytes)),
            *map(human_bytes, (made.fp32_bytes, made.int8_bytes)),
        )
    console.print(table)
    _print_line(console, f"Quantised networks: {session.folder.path / 'int8'}")


def _print_failures(console: Console, made: RunReport) -> None:
    """How many of each kind, with one example."""
    failed = [
        (evaluation.failure, evaluation.number)
        for evaluation in made.evaluations
        if evaluation.state == "failed" and evaluation.failure
    ]
    examples = {failure.kind: (failure, number) for failure, number in reversed(failed)}
    for kind, count in Counter(failure.kind for failure, _ in failed).most_common():
        failure, number = examples[kind]
        _print_line(
            console, f"Failed: {count} x {kind}, for instance trial {number}: {failure.message}"
        )


def _networks(count: int) -> str:
    return "1 network" if count == 1 else f"{count} networks"


def _print_line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
