"""Options of every verb that reads data: how images become what networks are trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli._options import given_options

if TYPE_CHECKING:
    from nas.data import DataOptions

Resolution = Annotated[
    str | None,
    typer.Option(
        metavar="N|HxW",
        help="Size of the images, and of all costs; their own if left out (a folder's: "
        "at most 64 pixels).",
    ),
]
ResizeBy = Annotated[
    str, typer.Option("--resize", help="What becomes of other shapes: crop, pad or stretch.")
]
Channels = Annotated[str, typer.Option(help="1 (grey), 3 (colour), or auto: as the images are.")]
Flip = Annotated[
    bool | None,
    typer.Option("--flip/--no-flip", help="Whether mirrored images keep their class."),
]
GroupBy = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN|LEVEL",
        help="Keep images of one person or device in one part: a table's column, an array of the "
        ".npz, or a level of folders (1 is the topmost).",
    ),
]
TaskName = Annotated[
    str,
    typer.Option(
        "--task",
        help="classification; multilabel: several classes an image; segmentation: a class for "
        "each pixel; regression: numbers.",
    ),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out image files that cannot be read.")
]

OF_DATA = (
    *("--resolution", "--resize", "--channels", "--flip", "--group-by", "--skip-bad", "--task"),
)


def data_options(
    resolution: str | None,
    resize: str,
    channels: str,
    flip: bool | None,
    group_by: str | None,
    skip_bad: bool,
    task: str,
) -> DataOptions:
    """The record of these options. Raises OptionError."""
    from nas.data import DataOptions, parse_channels, parse_resolution

    return DataOptions(
        resolution=parse_resolution(resolution),
        resize=resize,  # type: ignore[arg-type]
        channels=parse_channels(channels),
        flip=flip,
        group_by=group_by,
        skip_bad=skip_bad,
        task=task,  # type: ignore[arg-type]
    )


def data_changes(context: typer.Context) -> dict[str, Any]:
    """Of these options, what the command line itself says, as fields of the record.

    Raises OptionError.
    """
    from nas.data import parse_channels, parse_resolution

    parsed = {"--resolution": parse_resolution, "--channels": parse_channels}
    given = given_options(context)
    return {
        name.removeprefix("--").replace("-", "_"): parsed.get(name, lambda value: value)(
            given[name]  # type: ignore[arg-type]
        )
        for name in OF_DATA
        if name in given
    }
