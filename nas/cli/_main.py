"""The `nas` command: its verbs, and how errors leave it.

Exit status: 0 done, 1 our fault (with a traceback) or no network could be trained, 2 the user's
mistake (one message), 75 Ray or the database went away (one message; `nas resume` goes on), 130
interrupted with Ctrl-C.
"""

from __future__ import annotations

import re
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
from nas.cli._options import with_plugins
from nas.errors import OutageError, UserError

ENGINES = ("torch", "torchvision", "optuna", "ray", "moocore", "numpy")
"""Packages that decide what comes out."""

OUTAGE = 75
"""EX_TEMPFAIL of sysexits.h: the same command may succeed later."""

app = typer.Typer(
    name="nas",
    help="Search for small, accurate CNNs that use their weights more than once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("data")(_data.data)
app.command("scenes")(_scenes.scenes)
app.command("search")(with_plugins(_search.search))
app.command("resume")(_search.resume)
app.command("train")(with_plugins(_train.train))
app.command("recipes")(_train.recipes)
app.command("tune")(with_plugins(_tune.tune))
app.command("runs")(_runs.runs)
app.command("report")(_results.report)
app.command("export")(_results.export)
app.command("repair")(_results.repair)
app.command("track")(_track.track)
app.command("spaces")(_models.spaces)
app.command("show")(with_plugins(_models.show))
app.command("cost")(with_plugins(_models.cost))
app.command("explain")(with_plugins(_models.explain))
app.command("latency")(with_plugins(_latency.latency))
app.command("inspect")(with_plugins(_inspect.inspect))
app.command("bench")(_bench.bench)
app.command("check-plugin")(_plugins.check_plugin)


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


def main() -> None:
    """Run the command line and exit."""
    try:
        app()
    except UserError as error:
        console = Console(stderr=True, soft_wrap=True, emoji=False)
        console.print(f"nas: {with_flags(str(error))}", markup=False, highlight=False)
        sys.exit(2)
    except OutageError as error:
        Console(stderr=True, soft_wrap=True).print(f"nas: {error}", markup=False, highlight=False)
        sys.exit(OUTAGE)
    except BrokenPipeError:  # as in `nas spaces | head`
        sys.stderr.close()
        sys.exit(0)


def with_flags(message: str) -> str:
    """A library's message with its `fields` as the options that set them.

    The library says `budget`, the command line --budget.
    """
    flags = _flags()
    return re.sub(r"`([a-z_]+)`", lambda field: flags.get(field[1], field[0]), message)


def _flags() -> dict[str, str]:
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return {
        str(option.name): option.opts[0]
        for verb in verbs.values()
        for option in verb.params
        if option.param_type_name == "option"
    }


def _print_versions() -> None:
    typer.echo(f"nas {metadata.version('reuse-nas')}")
    for name in ENGINES:
        try:
            typer.echo(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            typer.echo(f"{name} is not installed")
    typer.echo(f"Python {sys.version.partition(' ')[0]}")
    raise typer.Exit
