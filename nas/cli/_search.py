"""Verbs that search: `nas search`, `nas resume`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli._data_options import (
    Channels,
    Flip,
    GroupBy,
    ResizeBy,
    Resolution,
    SkipBad,
    TaskName,
    data_options,
)
from nas.cli._options import (
    Address,
    CpusPerWorker,
    Data,
    DataDir,
    Deploy,
    GpusPerWorker,
    Json,
    Minutes,
    MovedStorage,
    NodeClass,
    Quiet,
    Run,
    Set,
    Storage,
    Workers,
    limit_options,
    parse_class_weights,
    parse_deploy,
    worker_config,
)
from nas.cli._screen import Screen, command, ended_like_ctrl_c
from nas.cli._search_print import print_end, print_next, print_plan, print_start
from nas.cli._status import INTERRUPTED
from nas.metrics import Limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.run import Run as SearchRun
    from nas.run import WorkerConfig


@limit_options
def search(
    space: Annotated[
        str, typer.Option(help="The space, by name or path; `nas spaces` lists them.")
    ],
    budget: Annotated[int, typer.Option(help="Networks to train.")] = 40,
    minutes: Minutes = None,
    data: Data = "fashion_mnist",
    data_dir: DataDir = None,
    objectives: Annotated[
        str, typer.Option(help="What to optimise, by name, separated by commas.")
    ] = "accuracy,params,macs",
    limits: tuple[Limit, ...] = (),
    epochs: Annotated[int | None, typer.Option(min=1, help="Of each proxy training.")] = None,
    train_images: Annotated[
        int | None, typer.Option(min=1, help="Images of each proxy training.")
    ] = None,
    resolution: Resolution = None,
    resize: ResizeBy = "crop",
    channels: Channels = "auto",
    flip: Flip = None,
    group_by: GroupBy = None,
    skip_bad: SkipBad = False,
    task: TaskName = "classification",
    folds: Annotated[
        int, typer.Option(min=1, help="Train each so often, each time validated on other images.")
    ] = 1,
    class_weights: Annotated[
        str, typer.Option(metavar="none|balanced", help="Whether rare classes weigh as much.")
    ] = "none",
    loss: Annotated[
        str | None, typer.Option(help="One of your own, by the name that --plugin gives it.")
    ] = None,
    ladder: Annotated[
        str | None,
        typer.Option(
            metavar="RUNGS",
            help="Shorter trainings first, a third of the networks climbs each: EPOCHS@PIXELS,... "
            "or none; if left out, 1 epoch, at half the size for images of 64 pixels or more, "
            "before 4 epochs or more for smaller ones.",
        ),
    ] = None,
    sampler: Annotated[
        str, typer.Option(help="model, evolution, tpe, nsga2 or random.")
    ] = "model",
    seed: Annotated[int, typer.Option(min=0, help="Of sampler and training.")] = 0,
    deterministic: Annotated[
        bool,
        typer.Option(
            "--deterministic",
            help="The same search whatever the number of workers (at most 16 are busy).",
        ),
    ] = False,
    workers: Workers = None,
    address: Address = None,
    cpus_per_worker: CpusPerWorker = 1,
    gpus_per_worker: GpusPerWorker = None,
    node_class: NodeClass = None,
    task_timeout_s: Annotated[
        float,
        typer.Option("--task-timeout", metavar="SECONDS", help="Longest time for one network."),
    ] = 1800,
    storage: Storage = None,
    out: Annotated[Path | None, typer.Option(help="The run folder to make.")] = None,
    deploy: Deploy = "generated",
    finalists: Annotated[
        int, typer.Option(min=0, help="Train so many networks in full afterwards (`nas train`).")
    ] = 0,
    overrides: Set = [],  # noqa: B006 - typer copies it
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Search a space: train proxies, keep the Pareto front, leave a run folder behind."""
    from nas.run import SearchSettings, fidelity_of

    screen = Screen(silent=quiet or as_json)
    settings = SearchSettings(
        space=space,
        overrides=tuple(overrides),
        data=data,
        data_dir=str(data_dir) if data_dir else None,
        data_options=data_options(resolution, resize, channels, flip, group_by, skip_bad, task),
        budget=budget,
        objectives=tuple(name.strip() for name in objectives.split(",")),
        limits=limits,
        sampler=sampler,
        seed=seed,
        fidelity=replace(
            fidelity_of(epochs, train_images),
            folds=folds,
            class_weights=parse_class_weights(class_weights),
            loss=loss,
        ),
        storage=storage,
        task_timeout_s=task_timeout_s,
        deterministic=deterministic,
        deploy=parse_deploy(deploy),
    )
    config = worker_config(workers, address, cpus_per_worker, gpus_per_worker, node_class, minutes)
    with ended_like_ctrl_c():
        print_plan(screen, settings)
        with _stopped("before the search began; there is no run folder"):
            from nas.run import create_run  # loads torch

            begun = create_run(settings, out, ladder=ladder)
        print_start(screen, begun)
        _drive(_Drive(screen, config, as_json=as_json, finalists=finalists), begun.run)


def resume(
    run: Run,
    budget: Annotated[
        int | None, typer.Option(help="Networks to train in all, with those trained already.")
    ] = None,
    minutes: Minutes = None,
    workers: Workers = None,
    address: Address = None,
    cpus_per_worker: CpusPerWorker = 1,
    gpus_per_worker: GpusPerWorker = None,
    node_class: NodeClass = None,
    data: Annotated[
        str | None,
        typer.Option(help="Where the data are now, if they were moved; the run keeps it."),
    ] = None,
    data_dir: DataDir = None,
    storage: MovedStorage = None,
    join: Annotated[
        bool,
        typer.Option(
            "--join",
            help="Search beside the processes that search in this folder already, here or on "
            "other machines; all share the budget.",
        ),
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Go on with a search, with what is left of its budget or with a larger one."""
    screen = Screen(silent=quiet or as_json)
    screen.line(f"Reading {run}.")
    config = worker_config(workers, address, cpus_per_worker, gpus_per_worker, node_class, minutes)
    with ended_like_ctrl_c():
        with _stopped("before the search went on; nothing was changed"):
            from nas.run import open_run  # loads torch

            opened = open_run(run, data=data, data_dir=data_dir, storage=storage)
        if budget is not None:
            opened = opened.with_budget(budget)
        _drive(_Drive(screen, config, as_json=as_json, join=join), opened)


@contextmanager
def _stopped(when: str) -> Iterator[None]:
    """Ctrl-C within ends the program in a sentence that says when, and what there is."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"nas: stopped {when}.", err=True)
        raise typer.Exit(INTERRUPTED) from None


@dataclass(frozen=True, slots=True)
class _Drive:
    """How a search is driven from the command line."""

    screen: Screen
    config: WorkerConfig
    as_json: bool
    join: bool = False
    finalists: int = 0
    """Networks to train in full afterwards."""


def _drive(drive: _Drive, run: SearchRun) -> None:
    """Search, print what was found, and exit with the status that says how it ended."""
    from nas.cli._results import print_report
    from nas.report import Progress
    from nas.run import run_search, summary_of

    screen = drive.screen
    try:
        with Progress(screen.console, silent=screen.silent) as progress:
            outcome = run_search(run, drive.config, on_progress=progress.update, join=drive.join)
        print_report(screen, run)
    except KeyboardInterrupt:
        screen.line(f"Interrupted. Go on with: {command('nas', 'resume', run.path)}")
        raise typer.Exit(INTERRUPTED) from None
    print_end(screen, run, outcome)
    found = bool(run.front())
    if found and not outcome.interrupted:
        if drive.finalists:
            _train_finalists(drive, run)
        print_next(screen, run)
    if screen.silent:
        screen.result(summary_of(run) if drive.as_json else str(run.path))
    if outcome.interrupted:
        screen.line(f"Interrupted. Go on with: {command('nas', 'resume', run.path)}")
        raise typer.Exit(INTERRUPTED)
    if not found:
        raise typer.Exit(1)


def _train_finalists(drive: _Drive, run: SearchRun) -> None:
    from nas.cli._train import train_run
    from nas.final import FinalistsSettings

    train_run(drive.screen.console, run.path, FinalistsSettings(finalists=drive.finalists))
