"""Options that several verbs share."""

from __future__ import annotations

import inspect
import os
import re
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from nas.errors import OptionError
from nas.families import load_plugin
from nas.metrics import METRICS, limit_of

if TYPE_CHECKING:
    from collections.abc import Callable

Set = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Change a value of the model file."),
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")]
Workers = Annotated[
    str | None,
    typer.Option(
        metavar="local|N",
        help="Evaluate in this process, or on N Ray workers; as many as fit if left out.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="A running Ray cluster; starts a local Ray if left out."
    ),
]
CpusPerWorker = Annotated[float, typer.Option(help="CPUs, and so threads, of each worker.")]
GpusPerWorker = Annotated[
    float | None, typer.Option(help="GPUs of each worker; shared evenly if left out.")
]

Plugin = Annotated[
    list[str],
    typer.Option(
        metavar="FILE|MODULE",
        help="A block family of your own, by file, module or installed package; repeatable.",
    ),
]

PIPE_WIDTH = 160


def with_plugins(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with an option `--plugin`: families that are there before it reads anything."""
    signature = inspect.signature(verb, eval_str=True)
    option = inspect.Parameter(
        "plugin", inspect.Parameter.KEYWORD_ONLY, default=[], annotation=Plugin
    )

    @wraps(verb)
    def wrapper(*args: Any, plugin: list[str], **kwargs: Any) -> None:
        for name in plugin:
            load_plugin(name)
        verb(*args, **kwargs)

    parameters = [*signature.parameters.values(), option]
    wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return wrapper


def limit_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb one option for each metric that can be limited, and `--limit` for the rest.

    The verb takes them as `limits`, a tuple of `Limit`.
    """
    flags = {
        metric.name: inspect.Parameter(
            f"limit_{metric.name}",
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None,
                typer.Option(
                    metric.limit_flag,
                    metavar="MS" if metric.style == "latency_us" else "N",
                    help=metric.limit_help,
                ),
            ],
        )
        for metric in METRICS.values()
        if metric.limit_flag
    }

    @wraps(verb)
    def with_limits(*, limit: list[str], **given: Any) -> None:
        named = {name: given.pop(flag.name) for name, flag in flags.items()}
        bounds = {name: text for name, text in named.items() if text is not None}
        for assignment in limit:
            name, sign, text = assignment.partition("=")
            if not sign:
                raise OptionError(f"--limit {assignment}: write METRIC=BOUND, as in params=100k")
            bounds[name.strip()] = text.strip()
        verb(**given, limits=tuple(limit_of(name, text) for name, text in bounds.items()))

    own = inspect.signature(verb, eval_str=True).parameters.values()
    parameters = [one for one in own if one.name != "limits"]
    place = next(n for n, one in enumerate(parameters) if one.name == "objectives") + 1
    parameters[place:place] = [*flags.values(), _LIMIT]
    keywords = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    with_limits.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    with_limits.__annotations__ = {one.name: one.annotation for one in keywords}
    return with_limits


_LIMIT = inspect.Parameter(
    "limit",
    inspect.Parameter.KEYWORD_ONLY,
    default=[],
    annotation=Annotated[
        list[str],
        typer.Option("--limit", metavar="METRIC=BOUND", help="Of any metric, your own included."),
    ],
)


def make_console() -> Console:
    """Standard output. In a file or pipe, tables are as wide as they need, not 80 columns."""
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        return Console(width=PIPE_WIDTH)
    return console


def parse_shape(text: str) -> tuple[int, int, int]:
    """`3x224x224` -> (3, 224, 224). Raises OptionError."""
    match = re.fullmatch(r"([1-9][0-9]*)x([1-9][0-9]*)x([1-9][0-9]*)", text)
    if match is None:
        raise OptionError(f"--input {text}: write CHANNELSxHEIGHTxWIDTH, as in 3x224x224")
    channels, height, width = (int(group) for group in match.groups())
    return channels, height, width
