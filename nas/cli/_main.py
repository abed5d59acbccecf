"""The `nas` command: its verbs, and how errors leave it.

Exit status: 0 done, 1 our fault (with a traceback), 2 the user's mistake (one message), 130
interrupted with Ctrl-C.
"""

from __future__ import annotations

import sys

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
    _search,
    _train,
)
from nas.cli._options import with_plugins
from nas.errors import UserError

app = typer.Typer(
    name="nas",
    help="Search for small, accurate CNNs that use their weights more than once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("data")(_data.data)
app.command("search")(with_plugins(_search.search))
app.command("resume")(_search.resume)
app.command("train")(with_plugins(_train.train))
app.command("recipes")(_train.recipes)
app.command("report")(_results.report)
app.command("export")(_results.export)
app.command("spaces")(_models.spaces)
app.command("show")(with_plugins(_models.show))
app.command("cost")(with_plugins(_models.cost))
app.command("latency")(with_plugins(_latency.latency))
app.command("inspect")(with_plugins(_inspect.inspect))
app.command("bench")(_bench.bench)
app.command("check-plugin")(_plugins.check_plugin)


def main() -> None:
    """Run the command line and exit."""
    try:
        app()
    except UserError as error:
        console = Console(stderr=True, soft_wrap=True)
        console.print(f"nas: {error}", markup=False, highlight=False)
        sys.exit(2)
    except BrokenPipeError:  # as in `nas spaces | head`
        sys.stderr.close()
        sys.exit(0)
