"""`nas tune`: search a recipe's hyper-parameters for one network."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

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
from nas.cli._options import Address, Json, given_again
from nas.cli._screen import command, make_console
from nas.cli._status import INTERRUPTED
from nas.cli._train_print import print_data


def tune(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|RUN:ID", help="A model file by name or path, or a network of a run."
        ),
    ],
    recipe: Annotated[
        str | None, typer.Option(help="Where to begin; by the network's size if left out.")
    ] = None,
    overrides: Annotated[
        list[str],
        typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the recipe."),
    ] = [],  # noqa: B006 - typer copies it
    keys: Annotated[
        list[str],
        typer.Option("--key", help="Search this key, or these; all that can be if left out."),
    ] = [],  # noqa: B006 - typer copies it
    budget: Annotated[int, typer.Option(help="Trials; most of them are stopped early.")] = 30,
    data: Annotated[str | None, typer.Option(help="As in `nas train`.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where the data set's files are.")] = None,
    resolution: Resolution = None,
    resize: ResizeBy = "crop",
    channels: Channels = "auto",
    flip: Flip = None,
    group_by: GroupBy = None,
    skip_bad: SkipBad = False,
    task: TaskName = "classification",
    seed: Annotated[int, typer.Option(min=0, help="Of the search and the trainings.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Most trials at a time; as many as fit if left out.")
    ] = None,
    gpus_per_worker: Annotated[float, typer.Option(min=0, help="GPUs of each trial.")] = 0.0,
    address: Address = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to make, or to go on in after a stop.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Search a recipe's hyper-parameters with Ray Tune: an Optuna searcher, ASHA stops early."""
    console = make_console(silent=as_json)
    console.print(f"Reading {target}.", soft_wrap=True)
    from nas.final import default_folder, plan_training, read_checked  # loads torch
    from nas.train import data_digest
    from nas.tune import (
        SEARCHED,
        Resources,
        TuneSettings,
        begin_tuning,
        first_values,
        searched_keys,
        tune_recipe,
    )
    from nas.workers import open_ray

    plan = plan_training(
        target,
        recipe=recipe,
        overrides=overrides,
        data=data,
        data_dir=data_dir,
        data_changes=data_changes(context),
        device="cpu",
    )
    settings = TuneSettings(
        arch=plan.arch,
        recipe=plan.recipe,
        data=plan.settings.data,
        data_dir=plan.settings.data_dir,
        data_options=plan.settings.data_options,
        keys=tuple(keys) or searched_keys(plan.settings.data_options.task),
        budget=budget,
        seed=seed,
        device="cuda" if gpus_per_worker else "cpu",
    )
    images = read_checked(plan)
    settings = replace(settings, images=data_digest(images))
    folder = out or default_folder(target, "tune")

    def say(line: str) -> None:
        console.print(line, highlight=False, soft_wrap=True)

    say(
        f"Tuning recipe {plan.recipe.name}{with_flags(plan.chosen)} for {plan.arch.name} "
        f"({plan.arch.id}): {budget} trials of up to {plan.recipe.epochs} epochs; folder {folder}"
    )
    print_data(console, images, plan.recipe)
    for key, own in first_values(settings).items():
        say(f"  {key}: {SEARCHED[key]}; at first the recipe's {own:g}")
    begin_tuning(folder, settings)
    try:
        with open_ray(address):
            found = tune_recipe(
                settings,
                folder,
                resources=Resources(gpus=gpus_per_worker, at_once=workers),
                on_over=lambda over: say(f"{over} of {budget} trials are over"),
            )
    except KeyboardInterrupt:
        say(f"Interrupted. The same command with --out {command(folder)} goes on.")
        raise typer.Exit(INTERRUPTED) from None
    begun = found.started_with
    before = f"; the recipe as it was had {100 * begun:.2f} %" if begun is not None else ""
    say(
        f"\nBest of {len(found.trials)} trials: {found.score_name} {100 * found.score:.2f} % on "
        f"validation images{before}. The best of many flatters: `nas train` measures it anew."
    )
    of_data = given_again(context, ("--data", "--data-dir", *OF_DATA))
    train = command("nas", "train", target, "--recipe", folder / "best.yaml", *of_data)
    say(f"Next:\n  {train}")
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"recipe_file": str(folder / "best.yaml")}))
