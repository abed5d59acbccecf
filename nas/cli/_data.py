"""The verb that looks at data: `nas data`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

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
from nas.cli._flags import with_flags
from nas.cli._screen import make_console


def data(
    path: Annotated[
        str,
        typer.Argument(metavar="PATH", help="As `nas search --data` has it: a name or a path."),
    ],
    data_dir: Annotated[Path | None, typer.Option(help="Where the data set's files are.")] = None,
    resolution: Resolution = None,
    resize: ResizeBy = "crop",
    channels: Channels = "auto",
    flip: Flip = None,
    group_by: GroupBy = None,
    skip_bad: SkipBad = False,
    task: TaskName = "classification",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Say what data are as a search would read them, the test part and duplicates included."""
    console = make_console(silent=as_json)
    console.print(f"Reading {path}.")
    from nas.data import load_data, load_test, summarize_data  # loads torch

    options = data_options(resolution, resize, channels, flip, group_by, skip_bad, task)
    images = load_data(path, data_dir=data_dir, options=options)
    test = load_test(path, data_dir=data_dir, options=images.options)
    summary = summarize_data(images, test=test)
    if as_json:
        typer.echo(json.dumps(summary.to_plain()))
        return
    for line in summary.lines():
        console.print(with_flags(line), highlight=False, soft_wrap=True, markup=False)
