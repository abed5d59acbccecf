"""Verbs that search: `nas search`, `nas resume`."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from nas.cli._data_options import (
    Channels,
    Flip,
    GroupBy,
    ResizeBy,
    Resolution,
    SkipBad,
    data_options,
)
from nas.cli._options import (
    Address,
    CpusPerWorker,
    GpusPerWorker,
    Run,
    Set,
    Workers,
    limit_options,
    make_console,
)
from nas.cli._results import print_report
from nas.cli._train import train_run
from nas.metrics import Limit
from nas.units import human_large, human_seconds

if TYPE_CHECKING:
    from rich.console import Console

    from nas.run import Outcome, Session, WorkerConfig
    from nas.search import SpaceProbe
    from nas.trial import Fidelity

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


@limit_options
def search(
    space: Annotated[
        str, typer.Option(help="The space, by name or path; `nas spaces` lists them.")
    ],
    budget: Annotated[int, typer.Option(help="Networks to train.")] = 40,
    data: Annotated[
        str,
        typer.Option(
            help="fashion_mnist, mnist, cifar10, cifar100, a folder of images, a .csv of files "
            "and labels, a .npz file, or module:function."
        ),
    ] = "fashion_mnist",
    data_dir: Annotated[Path | None, typer.Option(help="Where the data set's files are.")] = None,
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
    ladder: Annotated[
        str | None,
        typer.Option(
            metavar="RUNGS",
            help="Shorter trainings first, a third of the networks climbs each: EPOCHS@PIXELS,... "
            "or none; 1 epoch at half the resolution if left out.",
        ),
    ] = None,
    sampler: Annotated[
        str, typer.Option(help="model, evolution, tpe, nsga2 or random.")
    ] = "model",
    seed: Annotated[int, typer.Option(min=0, help="Of sampler and training.")] = 0,
    workers: Workers = None,
    address: Address = None,
    cpus_per_worker: CpusPerWorker = 1,
    gpus_per_worker: GpusPerWorker = None,
    task_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Longest time for one network.")
    ] = 1800,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Optuna storage; a journal in the run folder if left out."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder to make.")] = None,
    finalists: Annotated[
        int, typer.Option(min=0, help="Train so many networks in full afterwards (`nas train`).")
    ] = 0,
    overrides: Set = [],  # noqa: B006 - typer copies it
) -> None:
    """Search a space: train proxies, keep the Pareto front, leave a run folder behind."""
    from nas.proxy import DEFAULT_FIDELITY
    from nas.run import SearchSettings, create_session

    console = make_console()
    changed = {"epochs": epochs, "train_images": train_images}
    fidelity = replace(
        DEFAULT_FIDELITY, **{key: value for key, value in changed.items() if value is not None}
    )
    folder = out or _default_folder(space)
    settings = SearchSettings(
        space=space,
        overrides=tuple(overrides),
        data=data,
        data_dir=str(data_dir) if data_dir else None,
        data_options=data_options(resolution, resize, channels, flip, group_by, skip_bad),
        budget=budget,
        objectives=tuple(name.strip() for name in objectives.split(",")),
        limits=limits,
        sampler=sampler,
        seed=seed,
        fidelity=fidelity,
        storage=storage,
        study=folder.name,
        task_timeout_s=task_timeout,
    )
    worker_config = _worker_config(workers, address, cpus_per_worker, gpus_per_worker)
    session, probe = create_session(settings, folder, ladder=ladder)
    _print_start(console, session, probe)
    _run(console, session, worker_config)
    if finalists:
        from nas.final import FinalistsWish

        train_run(console, folder, FinalistsWish(finalists=finalists))


def resume(
    run: Run,
    workers: Workers = None,
    address: Address = None,
    cpus_per_worker: CpusPerWorker = 1,
    gpus_per_worker: GpusPerWorker = None,
) -> None:
    """Go on with a search that was interrupted, with what is left of its budget."""
    from nas.run import open_session

    worker_config = _worker_config(workers, address, cpus_per_worker, gpus_per_worker)
    _run(make_console(), open_session(run), worker_config)


def _run(console: Console, session: Session, worker_config: WorkerConfig) -> None:
    from nas.run import run_search

    try:
        outcome = run_search(session, worker_config, console)
        print_report(console, session)
    except KeyboardInterrupt:
        _leave_interrupted(console, session)
    _print_end(console, session, outcome)
    if outcome.interrupted:
        _leave_interrupted(console, session)
    _print_next(console, session)


def _print_end(console: Console, session: Session, outcome: Outcome) -> None:
    if outcome.exhausted:
        console.print("No feasible network was found that has not been evaluated.")
    budget = session.settings.budget
    if outcome.evaluated >= budget and not outcome.new:
        text = f"This search is finished: its budget of {budget} networks is spent."
    else:
        text = (
            f"{outcome.evaluated} of {budget} networks evaluated, {outcome.new} of them now, in "
            f"{human_seconds(outcome.elapsed_s)}."
        )
    console.print(text, highlight=False, soft_wrap=True)


def _leave_interrupted(console: Console, session: Session) -> NoReturn:
    console.print(
        f"Interrupted. Go on with: nas resume {session.folder.path}",
        highlight=False,
        soft_wrap=True,
    )
    raise typer.Exit(INTERRUPTED)


def _print_next(console: Console, session: Session) -> None:
    verbs = (
        (f"nas export {session.folder.path} --pick knee", "PyTorch code and weights"),
        (f"nas train {session.folder.path}", "the best networks in full, and their final front"),
        (f"nas report {session.folder.path}", "this table again, front.csv, front.png"),
    )
    width = max(len(command) for command, _ in verbs)
    console.print("\nNext:")
    for command, purpose in verbs:
        console.print(f"  {command:{width}}  {purpose}", highlight=False, soft_wrap=True)


def _print_start(console: Console, session: Session, probe: SpaceProbe) -> None:
    problem = session.problem
    console.print(
        f"Searching {problem.space.name} ({human_large(problem.space.num_settings)} settings) on "
        f"{session.settings.data} for {', '.join(item.name for item in problem.objectives)}; "
        f"run folder {session.folder.path}",
        highlight=False,
        soft_wrap=True,
    )
    for line in session.data.lines() if session.data else ():
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    limits = " and ".join(str(limit) for limit in problem.limits)
    console.print(
        f"Of {probe.settings:,} random settings {probe.legal / probe.settings:.0%} describe a "
        f"network" + (f" and {probe.feasible / probe.settings:.1%} keep {limits}" * bool(limits)),
        highlight=False,
        soft_wrap=True,
    )
    console.print(_training(session), highlight=False, soft_wrap=True)
    console.print(
        f"Whatever stops it, finished networks are kept; go on with: nas resume "
        f"{session.folder.path}\n",
        highlight=False,
        soft_wrap=True,
    )


def _training(session: Session) -> str:
    full = session.settings.fidelity
    images = f"on at most {full.train_images:,} images" if full.train_images else "on all images"
    low = session.settings.ladder
    if not low:
        return f"Every network is trained {images} for {_epochs(full)}"
    steps = ", then ".join(_epochs(rung) for rung in low)
    return (
        f"Every network is trained {images} for {steps}; the most promising, a third at most, "
        f"climb to the next rung, the last being {_epochs(full)}"
    )


def _epochs(fidelity: Fidelity) -> str:
    plural = "s" * (fidelity.epochs != 1)
    side = f" at {fidelity.resolution} pixels" if fidelity.resolution else ""
    return f"{fidelity.epochs} epoch{plural}{side}"


def _worker_config(
    workers: str | None, address: str | None, cpus: float, gpus: float | None
) -> WorkerConfig:
    from nas.run import WorkerConfig, parse_workers

    return WorkerConfig(
        workers=parse_workers(workers), address=address, cpus_per_worker=cpus, gpus_per_worker=gpus
    )


def _default_folder(space: str) -> Path:
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", Path(space).stem)
    return Path("runs") / f"{name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
