"""Verbs about results: `nas report`, `nas export`, `nas repair`."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from nas.cli._final_print import print_finals
from nas.cli._flags import with_flags
from nas.cli._options import DataDir, Json, MovedData, MovedStorage, Run, Runs
from nas.cli._screen import Screen, command
from nas.cli._search_print import print_next
from nas.errors import OptionError
from nas.units import human_bytes, human_share

if TYPE_CHECKING:
    from nas.run import QuantizedMember, RunReport
    from nas.run import Run as SearchRun

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
        Path | None,
        typer.Option(metavar="FILE", help="Where to write the page; in the run if left out."),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantise the front too: RUN/int8, accuracy and size.")
    ] = False,
    data_dir: DataDir = None,
    storage: MovedStorage = None,
    as_json: Json = False,
) -> None:
    """Print a run's front and write report.html; several runs are compared in one page."""
    screen = Screen(silent=as_json)
    _check_single(runs, {"--watch": watch, "--int8": int8})
    screen.line(f"Reading {', '.join(map(str, runs))}.")
    from nas.run import open_run, summary_of  # loads torch
    from nas.run import watch as follow

    reopen = partial(open_run, data_dir=data_dir, storage=storage)
    if len(runs) > 1:
        _compare(screen, [reopen(run) for run in runs], out or runs[0] / "compare.html")
        return
    run = reopen(runs[0])
    if int8:
        _check_int8(run)
    if watch:
        follow(lambda: reopen(runs[0]), lambda page: screen.line(f"Live: {page}"), copy=out)
        run = reopen(runs[0])
    print_report(screen, run, page=out)
    quantised = _print_int8(screen, run) if int8 else ()
    if not as_json and run.front():
        print_next(screen, run, reported=True)
    if as_json:
        figures = {"int8": [one.to_plain() for one in quantised]} if int8 else {}
        screen.result(summary_of(run) | figures)


def _check_int8(run: SearchRun) -> None:
    from nas.quantize import check_int8

    check_int8(run.settings.data_options.task)


def _check_single(runs: list[Path], asked: dict[str, bool]) -> None:
    """OptionError where something is asked for that only one run can have."""
    for option, given in asked.items():
        if given and len(runs) > 1:
            raise OptionError(
                f"{option}: is for one run, and {len(runs)} are named; name one, or leave "
                f"{option} out"
            )


def _compare(screen: Screen, runs: list[SearchRun], page: Path) -> None:
    """Write one page over several runs."""
    from nas.run import summary_of, write_comparison

    write_comparison(page, runs)
    screen.line(f"{len(runs)} runs compared: {page}")
    if screen.silent:
        screen.result([summary_of(run) for run in runs])


def export(
    run: Run,
    pick: Annotated[
        str | None,
        typer.Option(
            metavar="PICK", help="best, knee, all, or the beginning of an id; knee if left out."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to; RUN/export if left out.")] = None,
    proxies: Annotated[
        bool,
        typer.Option(
            "--proxies", help="As the search trained them, though `nas train RUN` did so in full."
        ),
    ] = False,
    materialized: Annotated[
        bool,
        typer.Option("--materialize", help="Write the kernels that rings generate, not rings."),
    ] = False,
    code_only: Annotated[
        bool, typer.Option("--code-only", help="No ONNX, no torch.export, no card: code alone.")
    ] = False,
    qat: Annotated[
        int,
        typer.Option(
            metavar="EPOCHS", help="Train with quantisation in the loop before writing int8."
        ),
    ] = 0,
    tflite: Annotated[
        bool,
        typer.Option(
            "--tflite", help="An int8 .tflite and C array too, run by tflite-micro's interpreter."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that were edited since.")
    ] = False,
    data: MovedData = None,
    data_dir: DataDir = None,
    storage: MovedStorage = None,
    as_json: Json = False,
) -> None:
    """Write networks as PyTorch code, weights, ONNX, torch.export and model card.

    They are of the final front where there is one, trained in full, and of the search's otherwise.
    """
    screen = Screen(silent=as_json)
    screen.line(f"Reading {run}.")
    from nas.final import split_member
    from nas.run import open_run  # loads torch

    member = split_member(str(run))  # RUN:ID, as the other verbs name a network
    if member is not None and pick is not None:
        raise OptionError(f"--pick {pick}: {run} names a network already; leave one of them out")
    run, named = member or (run, pick)
    opened = open_run(run, data=data, data_dir=data_dir, storage=storage)
    exported = opened.export(
        "knee" if named is None else named,
        out,
        proxies=proxies,
        materialized=materialized,
        code_only=code_only,
        force=force,
        qat=qat,
        tflite=tflite,
    )
    if as_json:
        screen.result([files.to_plain() for files in exported])
    for files in exported:
        screen.line(f"{files.arch_id}: {files.claim}")
        for path in files.paths:
            screen.line(f"  {path}")
        for remark in files.remarks:
            screen.line(f"  Note: {with_flags(remark)}.")


def repair(
    run: Run,
    copies: Annotated[
        list[Path],
        typer.Option(
            "--copy",
            metavar="FOLDER",
            default_factory=list,
            help="Another folder of this search, to take weights from; repeatable.",
        ),
    ],
) -> None:
    """Make a damaged run usable: keep what is readable, train again what has lost its weights."""
    screen = Screen()
    screen.line(f"Reading {run}.")
    from nas.run import open_run, repair_run  # loads torch

    done = repair_run(open_run(run), copies=copies)
    for line in done.dropped:
        screen.line(f"Dropped from the journal: {line}")
    if done.backup:
        screen.line(f"The journal as it was: {done.backup}")
    for arch_id in done.copied:
        screen.line(f"Weights taken from another folder: {arch_id}")
    for arch_id in done.trained:
        screen.line(f"Trained again: {arch_id}")
    for arch_id, fault in zip(done.failed, done.faults, strict=True):
        screen.line(f"Has no weights: {arch_id} {fault}")
    if done.failed:
        screen.line(
            "Repair such a network where it was searched, or train it in full: "
            f"{command('nas', 'train', f'{run}:{done.failed[0]}')}"
        )
    if not (done.dropped or done.copied or done.trained or done.failed):
        screen.line("Nothing to repair: the journal can be read, and the front has its weights.")
    screen.line(f"Next: {command('nas', 'report', run)}")


def print_report(screen: Screen, run: SearchRun, *, page: Path | None = None) -> None:
    """Write a run's report files and print its fronts and its counts.

    `page` is a file to write the page to as well.
    """
    from nas.cli._latency import print_front_latencies
    from nas.report import front_table

    made = run.report(page)
    counts = Counter(evaluation.state for evaluation in made.evaluations)
    is_trained = run.finals_file.exists()
    if made.report.front:
        screen.show(front_table(made.report.front, run.problem.objectives, proxies=is_trained))
        screen.line(_proxy_words(run))
        print_front_latencies(screen, run)
    for remark in (*made.remarks, *made.left_out):
        screen.line(with_flags(remark))
    screen.line(
        f"{_networks(counts['complete'])} trained, {len(made.report.front)} on the front, "
        f"hypervolume {made.hypervolume:.4f}; {counts['failed']} failed."
    )
    if stopped := counts["pruned"] + run.num_paused:
        screen.line(f"Below full training: {_networks(stopped)} (--ladder).")
    if counts["duplicate"] or counts["rejected"]:
        screen.line(
            f"Without training: {counts['duplicate']} proposals answered from the record, "
            f"{counts['rejected']} rejected by exact cost."
        )
    _print_failures(screen, made)
    screen.line(f"Run folder: {run.path} (report.html, front.csv, front.png)")
    if page:
        screen.line(f"Page: {page}")
    if is_trained and not screen.silent:
        print_finals(screen, run)


def _proxy_words(run: SearchRun) -> str:
    length = run.settings.rungs[-1].over(run.facts.train_images)
    return f"They are proxies: trained for {length}, and measured on validation images."


def _print_int8(screen: Screen, run: SearchRun) -> tuple[QuantizedMember, ...]:
    """Quantise the front and print it as ONNX Runtime runs it, before and after."""
    from nas.report import add_id_column
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
    members = quantize_front(run)
    for member in members:
        made, cost = member.network, member.row.cost
        table.add_row(
            member.row.arch_id,
            human_share(made.fp32_accuracy),
            human_share(made.int8_accuracy),
            f"{100 * (made.fp32_accuracy - made.int8_accuracy):.2f}",
            *map(human_bytes, (cost.stored_bytes, cost.int8_stored_bytes)),
            *map(human_bytes, (made.fp32_bytes, made.int8_bytes)),
        )
    screen.show(table)
    for member in members:
        for remark in member.network.remarks:
            screen.line(f"{member.row.arch_id}: {with_flags(remark)}.")
    screen.line(f"Quantised networks: {run.path / 'int8'}")
    return members


def _print_failures(screen: Screen, made: RunReport) -> None:
    """How many of each kind, with one example."""
    failed = [
        (evaluation.failure, evaluation.number)
        for evaluation in made.evaluations
        if evaluation.state == "failed" and evaluation.failure
    ]
    examples = {failure.kind: (failure, number) for failure, number in reversed(failed)}
    for kind, count in Counter(failure.kind for failure, _ in failed).most_common():
        failure, number = examples[kind]
        screen.line(
            f"Failed: {count} x {kind}, for instance trial {number}: {with_flags(failure.message)}"
        )


def _networks(count: int) -> str:
    return "1 network" if count == 1 else f"{count} networks"
