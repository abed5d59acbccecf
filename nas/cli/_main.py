"""The `nas` command: its verbs, and how errors leave it.

Exit status: 0 done, 1 our fault (with a traceback) or a network could not be trained, 2 the user's
mistake (one message), 75 Ray or the database went away (one message; `nas resume` goes on), 130
interrupted with Ctrl-C.
"""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Annotated

import typer
from rich.console import Console

from nas.cli import (
    _bench,
    _data,
    _inspect,
    _latency,
    _models,
    _plugins,
    _results,
    _runs,
    _scenes,
    _search,
    _track,
    _train,
    _tune,
)
from nas.cli._flags import with_flags
from nas.cli._options import with_plugins
from nas.cli._status import OUTAGE
from nas.errors import EvaluationError, OutageError, UserError

ENGINES = ("torch", "torchvision", "optuna", "ray", "moocore", "numpy")
"""Packages that decide what comes out."""

app = typer.Typer(
    name="nas",
    help="Search for small, accurate CNNs that use their weights more than once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("data", short_help="Say how data would be read.")(_data.data)
app.command("scenes", short_help="Compose scenes with masks, to try out.")(_scenes.scenes)
app.command("search", short_help="Search a space; keep the Pareto front.")(
    with_plugins(_search.search)
)
app.command("resume", short_help="Go on with a search.")(_search.resume)
app.command("train", short_help="Train in full: a network, a run's best.")(
    with_plugins(_train.train)
)
app.command("recipes", short_help="List recipes of training, or print one.")(_train.recipes)
app.command("tune", short_help="Search a recipe's hyper-parameters.")(with_plugins(_tune.tune))
app.command("runs", short_help="List runs.")(_runs.runs)
app.command("report", short_help="Print a front, write the report page.")(_results.report)
app.command("export", short_help="Write PyTorch code, weights, ONNX, card.")(_results.export)
app.command("repair", short_help="Make a damaged run usable.")(_results.repair)
app.command("track", short_help="Write a run to MLflow or TensorBoard.")(_track.track)
app.command("spaces", short_help="List the model files that come with nas.")(_models.spaces)
app.command("show", short_help="Print what a model file opens; draw it.")(
    with_plugins(_models.show)
)
app.command("cost", short_help="Print a network's exact costs.")(with_plugins(_models.cost))
app.command("explain", short_help="Say what a key of a model file means.")(
    with_plugins(_models.explain)
)
app.command("latency", short_help="Measure latency, or learn to predict it.")(
    with_plugins(_latency.latency)
)
app.command("inspect", short_help="Draw kernels, feature maps and rings.")(
    with_plugins(_inspect.inspect)
)
app.command("bench", short_help="Compare samplers on tables.")(_bench.bench)
app.command("check-plugin", short_help="Check a block family of your own.")(_plugins.check_plugin)


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda asked: _print_versions() if asked else None,
            is_eager=True,
            help="Print the versions of nas and of what it runs on.",
        ),
    ] = False,
) -> None:
    """Search for small, accurate CNNs that use their weights more than once."""


def run() -> None:
    """Run the verb that is asked for and exit."""
    try:
        app()
    except UserError as error:
        _complain(error)
        sys.exit(2)
    except (EvaluationError, OutageError) as error:
        _complain(error)
        sys.exit(OUTAGE if isinstance(error, OutageError) else 1)
    except BrokenPipeError:  # as in `nas spaces | head`
        sys.stderr.close()
        sys.exit(0)


def _complain(error: Exception) -> None:
    console = Console(stderr=True, soft_wrap=True, emoji=False)
    said = " ".join([str(error), *getattr(error, "__notes__", [])])  # on which worker, say
    console.print(f"nas: {with_flags(said)}", markup=False, highlight=False)


def _print_versions() -> None:
    typer.echo(f"nas {metadata.version('reuse-nas')}")
    for name in ENGINES:
        try:
            typer.echo(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            typer.echo(f"{name} is not installed")
    typer.echo(f"Python {sys.version.partition(' ')[0]}")
    raise typer.Exit
