"""Verbs of full training: `nas train`, `nas recipes`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.table import Table

from nas.cli._data_options import (
    OF_DATA,
    Channels,
    Flip,
    GroupBy,
    ResizeBy,
    Resolution,
    SkipBad,
    TaskName,
    data_changes,
)
from nas.cli._flags import with_flags
from nas.cli._options import Address, Json, given_options
from nas.cli._screen import command, make_console
from nas.cli._status import INTERRUPTED
from nas.cli._train_print import (
    EpochLines,
    print_data,
    print_final_front,
    print_training_report,
    print_training_start,
)
from nas.data import NOT_MOVED, MovedData
from nas.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rich.console import Console

    from nas.final import FinalFront, FinalistsSettings, FinalReport, Runner, TrainingPlan

_RUN_DECIDES = (*OF_DATA, "--out", "--init", "--teacher", "--first-seed")
_OF_A_RUN = (
    "a run's finalists are trained on the run's own data, into its own folder, from new weights; "
    "leave it out, or train one network with RUN:ID"
)
_OF_A_NETWORK = "only a run has finalists, and this is one network; leave it out"
_BEGUN_WITH = (
    *(*_RUN_DECIDES, "--recipe", "--set", "--seeds", "--finalists"),
    *("--device", "--threads", "--kernels"),
)
_GOES_ON = "a training goes on as it was begun; leave it out, or train anew in another folder"


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Print this recipe's file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the recipes that come with nas, or print one."""
    console = make_console(silent=as_json or name is not None)
    console.print("Recipes that come with nas:")
    from nas.train import dump_recipe, load_recipe, recipe_catalogue  # loads torch

    if as_json:
        names = recipe_catalogue() if name is None else (name,)
        typer.echo(json.dumps({one: asdict(load_recipe(one)) for one in names}))
        return
    if name is not None:
        typer.echo(dump_recipe(load_recipe(name)), nl=False)
        return
    table = Table("name", "length", "optimizer", "description", box=None, pad_edge=False)
    for known in recipe_catalogue():
        recipe = load_recipe(known)
        length = f"{recipe.epochs} epochs" if recipe.epochs else f"{recipe.steps:,} steps"
        optimizer = f"{recipe.optimizer.name} {recipe.optimizer.rate:g} / {recipe.batch_size}"
        table.add_row(known, length, optimizer, recipe.description)
    console.print(table)
    console.print(
        "\n`nas recipes NAME` prints one; `nas train MODEL --recipe NAME --set KEY=VALUE` changes "
        "any key; a path to a YAML file works wherever a name does."
    )


def train(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|RUN:ID|RUN",
            help="A model file by name or path, a network of a run, or a run: its finalists. With "
            "--resume, the folder that a training writes to.",
        ),
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="By name or path; `nas recipes` lists them. Left out: light up to 15k "
            "parameters, standard up to 100k, full beyond; light for other tasks."
        ),
    ] = None,
    overrides: Annotated[
        list[str],
        typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the recipe."),
    ] = [],  # noqa: B006 - typer copies it
    data: Annotated[
        str | None,
        typer.Option(
            help="As in `nas search`; a run's own, or fashion_mnist, if left out. Of what has "
            "begun: where its data are now."
        ),
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where the data set's files are.")] = None,
    resolution: Resolution = None,
    resize: ResizeBy = "crop",
    channels: Channels = "auto",
    flip: Flip = None,
    group_by: GroupBy = None,
    skip_bad: SkipBad = False,
    task: TaskName = "classification",
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Trainings, with seeds 0, 1, ...; 1, or 3 of each finalist."),
    ] = None,
    finalists: Annotated[
        int | None, typer.Option(min=1, help="Of a run, networks to train in full; 6.")
    ] = None,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    teacher: Annotated[
        str | None,
        typer.Option(metavar="MODEL|RUN:ID", help="Learn from a trained network's answers too."),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(metavar="WEIGHTS", help="Begin with these weights, not random ones."),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda; cuda where there is one, if left out.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of the CPU.")] = 1,
    kernels: Annotated[
        str,
        typer.Option(
            help="auto, eager, quick or compiled: what computes a step on the CPU; auto tries, "
            "and may round differently from run to run."
        ),
    ] = "auto",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="So many trainings at a time, on Ray; one after the other, in this process, if "
            "left out.",
        ),
    ] = None,
    address: Address = None,
    out: Annotated[Path | None, typer.Option(help="The folder to make.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training in this folder.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train in full: curves, figures of the test images, weights, PyTorch code.

    Of a run, the networks near its front climb a ladder of longer trainings, and the last ones
    make the run's final front.
    """
    console = make_console(silent=as_json)
    console.print(f"Reading {target}.", soft_wrap=True)
    from nas.final import default_folder, is_run, plan_training  # loads torch

    place = Path(target)
    goes_on = resume or is_run(place)
    where = _Where(
        console=console,
        workers=workers,
        address=address,
        moved=MovedData(data=data, data_dir=data_dir) if goes_on else NOT_MOVED,
    )
    if resume:
        _refuse(given_options(context), _BEGUN_WITH, _GOES_ON)
    if is_run(place):
        _refuse(given_options(context), _RUN_DECIDES, _OF_A_RUN)
        settings = _finalists_settings(
            finalists=finalists,
            seeds=seeds,
            recipe=recipe,
            overrides=tuple(overrides),
            device=device,
            threads=threads,
            kernels=kernels,
        )
        plain = _train_finalists(where, target, None if resume else settings)
    elif resume:
        plain = _train_one(where, None, place)
    else:
        _refuse(given_options(context), ("--finalists",), _OF_A_NETWORK)
        plan = plan_training(
            target,
            recipe=recipe,
            overrides=overrides,
            data=data,
            data_dir=data_dir,
            data_changes=data_changes(context),
            seeds=range(first_seed, first_seed + (seeds or 1)),
            teacher=teacher,
            init=init,
            device=device,
            threads=threads,
            kernels=kernels,  # type: ignore[arg-type]
        )
        plain = _train_one(where, plan, out or default_folder(target))
    if as_json:
        typer.echo(json.dumps(plain))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Where:
    """Where trainings run, and who is told."""

    console: Console
    workers: int | None
    address: str | None
    moved: MovedData
    """Where the data of what has begun are now."""

    def again(self, folder: Path) -> str:
        """The command that goes on with a training, or a run's, after a stop."""
        given = (
            ("--data", self.moved.data),
            ("--data-dir", self.moved.data_dir),
            ("--workers", self.workers),
            ("--address", self.address),
        )
        words = [word for name, value in given if value is not None for word in (name, value)]
        return command("nas", "train", "--resume", folder, *words)

    def runner(self, storage: Path) -> Runner:
        """In this process, or on Ray."""
        from nas.final import ray_runner, run_here

        if self.workers is None and self.address is None:
            return run_here
        return ray_runner(
            storage,
            at_once=self.workers,
            address=self.address,
            tell=lambda line: self.console.print(with_flags(line), highlight=False),
        )


def _train_finalists(
    where: _Where, target: str, asked: FinalistsSettings | None
) -> dict[str, Any]:
    folder = Path(target)
    runner = where.runner(folder / "final" / "tune")
    front = train_run(
        where.console, folder, asked, runner, moved=where.moved, again=where.again(folder)
    )
    following = command("nas", "export", target, "--pick", "knee")
    where.console.print(f"Next: {following}", highlight=False, soft_wrap=True)
    return front.to_plain()


def _train_one(where: _Where, plan: TrainingPlan | None, folder: Path) -> dict[str, Any]:
    report = _train_network(where, plan, folder)
    return {"folder": str(folder)} | asdict(report)


def _train_network(where: _Where, plan: TrainingPlan | None, folder: Path) -> FinalReport:
    """Train by a plan, or go on with the training in the folder where there is none."""
    from nas.final import read_plan, resume_training, train_network

    console, runner = where.console, where.runner(folder / "tune")
    begun = plan or read_plan(folder)[1]
    several = len(begun.settings.seeds) > 1
    lines = EpochLines(console, lambda job: f"seed {job.seed}, " if several else "")
    try:
        if plan is None:
            report = resume_training(folder, moved=where.moved, on_epoch=lines, runner=runner)
        else:
            print_training_start(console, plan, folder, again=where.again(folder))
            report = train_network(
                plan,
                folder,
                on_data=lambda data: print_data(console, data, plan.recipe),
                on_epoch=lines,
                runner=runner,
            )
    except KeyboardInterrupt:
        _leave_interrupted(console, folder / "training.json", where.again(folder))
    print_training_report(console, report, folder)
    return report


def train_run(
    console: Console,
    folder: Path,
    asked: FinalistsSettings | None,
    runner: Runner | None = None,
    *,
    moved: MovedData = NOT_MOVED,
    again: str | None = None,
) -> FinalFront:
    """Train a run's finalists and print its final front.

    `again` is the command that goes on after a stop, where it is not the plain one.
    """
    from nas.final import run_here, train_finalists

    def tell(line: str) -> None:
        console.print(with_flags(line), highlight=False, soft_wrap=True)

    lines = EpochLines(console, lambda job: f"{job.plan.arch.id}, seed {job.seed}, ")
    try:
        front = train_finalists(
            folder, asked, moved=moved, runner=runner or run_here, on_epoch=lines, tell=tell
        )
    except KeyboardInterrupt:
        plan = folder / "final" / "plan.json"
        _leave_interrupted(console, plan, again or command("nas", "train", "--resume", folder))
    print_final_front(console, front, folder)
    return front


def _finalists_settings(**given: Any) -> FinalistsSettings:
    from nas.final import FinalistsSettings

    return FinalistsSettings(**{name: one for name, one in given.items() if one is not None})


def _refuse(given: Mapping[str, object], names: Collection[str], why: str) -> None:
    """Raise OptionError where one of these options was given."""
    for name, value in given.items():
        if name in names:
            raise OptionError(f"{name} {value}: {why}")


def _leave_interrupted(console: Console, plan: Path, again: str) -> NoReturn:
    """End as Ctrl-C does; `again` is said where the plan was written down."""
    said = f"go on with: {again}" if plan.exists() else "nothing had begun yet"
    console.print(f"\nStopped; {said}", highlight=False, soft_wrap=True)
    raise typer.Exit(INTERRUPTED) from None
