"""Verbs of full training: `nas train`, `nas recipes`."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from nas.cli._data_options import (
    Channels,
    Flip,
    GroupBy,
    ResizeBy,
    Resolution,
    SkipBad,
    data_options,
)
from nas.cli._options import make_console
from nas.errors import OptionError
from nas.units import human_count, human_seconds

if TYPE_CHECKING:
    from rich.console import Console

    from nas.final import FinalReport, TrainingJob, TrainingPlan
    from nas.train import EpochRecord

_INTERRUPTED = 130


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Print this recipe's file.")
    ] = None,
) -> None:
    """List the recipes that come with nas, or print one."""
    from nas.train import dump_recipe, load_recipe, recipe_catalogue

    if name is not None:
        typer.echo(dump_recipe(load_recipe(name)), nl=False)
        return
    console = make_console()
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
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|RUN:ID|FOLDER",
            help="A model file by name or path, a network of a run, or with --resume the folder.",
        ),
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="By name or path; `nas recipes` lists them. Left out: light up to 15k "
            "parameters, standard up to 100k, full beyond."
        ),
    ] = None,
    overrides: Annotated[
        list[str],
        typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the recipe."),
    ] = [],  # noqa: B006 - typer copies it
    data: Annotated[
        str | None,
        typer.Option(help="As in `nas search`; a run's own data, or fashion_mnist, if left out."),
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where the data set's files are.")] = None,
    resolution: Resolution = None,
    resize: ResizeBy = "crop",
    channels: Channels = "auto",
    flip: Flip = None,
    group_by: GroupBy = None,
    skip_bad: SkipBad = False,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings, with seeds 0, 1, ...")] = 1,
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
    out: Annotated[Path | None, typer.Option(help="The folder to make.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training in this folder.")
    ] = False,
) -> None:
    """Train a network in full: curves, figures of the test images, weights, PyTorch code."""
    from nas.final import plan_training, read_plan, resume_training, train_network

    console = make_console()
    try:
        if resume:
            folder, (_, plan) = Path(target), read_plan(Path(target))
            report = resume_training(folder, on_epoch=_Lines(console, plan))
        else:
            folder = out or _default_folder(target)
            plan = plan_training(
                target,
                recipe=recipe,
                overrides=overrides,
                data=data,
                data_dir=data_dir,
                data_options=data_options(resolution, resize, channels, flip, group_by, skip_bad),
                seeds=range(first_seed, first_seed + seeds),
                teacher=teacher,
                init=init,
                device=device,
                threads=threads,
            )
            _print_start(console, plan, folder)
            report = train_network(plan, folder, on_epoch=_Lines(console, plan))
    except KeyboardInterrupt:
        console.print(f"\nStopped; go on with: nas train --resume {folder}", highlight=False)
        raise typer.Exit(_INTERRUPTED) from None
    _print_report(console, report, folder)


class _Lines:
    """Tells of a training: a line for each twentieth of it, and of its first and last epochs."""

    def __init__(self, console: Console, plan: TrainingPlan) -> None:
        self._console, self._several = console, len(plan.settings.seeds) > 1
        self._often = 60.0 if not console.is_terminal else 0.0
        self._told_s = -1e9

    def __call__(self, job: TrainingJob, record: EpochRecord) -> None:
        last = record.epoch == record.num_epochs
        if record.epoch > 1 and not last and record.elapsed_s - self._told_s < self._often:
            return
        self._told_s = record.elapsed_s if not last else -1e9
        head = f"seed {job.seed}, " if self._several else ""
        measured = record.validation
        self._console.print(
            f"{head}epoch {record.epoch}/{record.num_epochs}: training loss "
            f"{record.train_loss:.3f}, validation loss {measured['loss']:.3f}, accuracy "
            f"{100 * measured['accuracy']:.2f} %; {human_seconds(record.left_s)} left",
            highlight=False,
        )


def _print_start(console: Console, plan: TrainingPlan, folder: Path) -> None:
    recipe, settings = plan.recipe, plan.settings
    length = f"{recipe.epochs} epochs" if recipe.epochs else f"{recipe.steps:,} steps"
    seeds = f", {len(settings.seeds)} seeds" if len(settings.seeds) > 1 else ""
    threads = f" with {settings.threads} thread{'s' * (settings.threads != 1)}"
    console.print(
        f"Training {plan.arch.name} ({plan.arch.id}) on {settings.data} by recipe {recipe.name}"
        f"{plan.chosen}: {length} at batch {recipe.batch_size}{seeds}, on "
        f"{settings.device}{threads if settings.device == 'cpu' else ''}; folder {folder}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"Whatever stops it, it goes on to the same bits with: nas train --resume {folder}\n",
        highlight=False,
        soft_wrap=True,
    )


def _print_report(console: Console, report: FinalReport, folder: Path) -> None:
    table = Table(
        title=f"{report.model['name']}: {human_count(report.model['params'])} parameters, "
        f"{human_count(report.model['macs'])} MACs",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for heading in ("accuracy, %", "validation", "test"):
        table.add_column(heading, justify="left" if heading[0] == "a" else "right")
    for one in report.seeds if len(report.seeds) > 1 else ():
        table.add_row(
            f"seed {one['seed']}",
            *(f"{100 * one[part]['accuracy']:.2f}" for part in ("validation", "test")),
        )
    for name, words in (("accuracy", "mean"), ("balanced_accuracy", "balanced, mean")):
        table.add_row(words, *(_mean(part[name]) for part in (report.validation, report.test)))
    console.print(table)
    for line in (
        f"{report.data['test_images']:,} test images: {report.test_note}.",
        f"Folder: {folder} (report.json, curves.csv, curves.png, weights.safetensors, export/)",
    ):
        console.print(line, highlight=False, soft_wrap=True)


def _mean(spread: dict[str, float | None]) -> str:
    mean, std = spread["mean"], spread["std"]
    assert mean is not None
    return f"{100 * mean:.2f}" + (f" ± {100 * std:.2f}" if std is not None else "")


def _default_folder(target: str) -> Path:
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", Path(target).stem)
    if not name:
        raise OptionError(f"{target}: no name of a network; write a model file or RUN:ID")
    return Path("runs") / f"train-{name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
