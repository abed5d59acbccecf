"""Options that several verbs share."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nas.errors import OptionError

Set = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Change a value of the model file."),
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
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

PIPE_WIDTH = 160


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
