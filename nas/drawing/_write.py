"""A network's picture in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.drawing._diagram import diagram_of
from nas.drawing._svg import draw_svg
from nas.errors import OptionError

if TYPE_CHECKING:
    from pathlib import Path

    from nas.arch import Architecture


def write_drawing(
    path: Path, arch: Architecture, *, input_shape: tuple[int, int, int], num_classes: int
) -> None:
    """Draw `arch` for images of `input_shape` (C, H, W) into an SVG file.

    Raises IllegalArchitecture where there is no such network, OptionError where the file cannot
    be written.
    """
    diagram = diagram_of(arch, input_shape=input_shape, num_classes=num_classes)
    try:
        path.write_text(draw_svg(diagram), encoding="utf-8")
    except OSError as error:
        raise OptionError(
            f"{path}: the drawing cannot be written ({error.strerror or error}); name a file in a "
            "folder that exists and is writable"
        ) from error
