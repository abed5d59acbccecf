"""`nas track`: a run in MLflow or TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.cli._options import Run
from nas.cli._screen import Screen


def track(
    run: Run,
    mlflow: Annotated[
        str | None,
        typer.Option(metavar="URI", help="A tracking server, sqlite:///FILE, or a folder."),
    ] = None,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A log folder of TensorBoard.")
    ] = None,
) -> None:
    """Write a run into MLflow or TensorBoard; again while it goes on adds what is new."""
    screen = Screen()
    screen.line(f"Reading {run}.")
    from nas.run import open_run, track_run  # loads torch

    for line in track_run(open_run(run), mlflow=mlflow, tensorboard=tensorboard):
        screen.line(line)
