"""The verb that composes a data set for segmentation: `nas scenes`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def scenes(
    out: Annotated[Path, typer.Argument(metavar="FILE.npz", help="The file to write.")],
    of: Annotated[str, typer.Option(help="Grey pictures, as `--data` has them.")] = (
        "fashion_mnist"
    ),
    data_dir: Annotated[Path | None, typer.Option(help="Where the data set's files are.")] = None,
    scenes: Annotated[int, typer.Option(help="For training; a fifth to test.")] = 2_000,
    side: Annotated[int, typer.Option(help="Pixels of a scene.")] = 48,
    seed: Annotated[int, typer.Option(min=0, help="Fixes what is where.")] = 0,
) -> None:
    """Compose scenes of small pictures and their masks: data for --task segmentation."""
    from nas.data import write_scenes

    train, test = write_scenes(out, of=of, data_dir=data_dir, scenes=scenes, side=side, seed=seed)
    typer.echo(f"{out}: {train:,} scenes to train and {test:,} to test, {side}x{side}, with masks")
