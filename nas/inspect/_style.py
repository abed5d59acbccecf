"""The look that the pictures share, and how they reach the disk."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from nas.errors import RunFolderError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from nas.inspect._prototypes import Label

COLORS: Mapping[Label, str] = MappingProxyType(
    {"identity": "#0b5cad", "gaussian": "#2a9d6f", "edge": "#e07b00", "other": "#b3bcc5"}
)
NAMES: Mapping[Label, str] = MappingProxyType(
    {
        "identity": "identity-like",
        "gaussian": "Gaussian-like",
        "edge": "edge-like",
        "other": "other",
    }
)
INK, FAINT = "#1f2933", "#5f6b76"
SMALL = 8.5
_DPI = 140
# matplotlib types the keys as one Literal of all its settings; Any stands for it.
_STYLE: dict[Any, object] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.axisbelow": True,
    "text.color": INK,
}


def save_picture(path: Path, inches: tuple[float, float], draw: Callable[[Figure], None]) -> None:
    """Draw a figure of that size into a PNG at `path`. Raises RunFolderError."""
    # A Figure of its own, without pyplot: no global state, no display, safe in any thread.
    with mpl.rc_context(_STYLE):
        figure = Figure(inches, _DPI)
        draw(figure)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, format="png")
        except OSError as error:
            raise RunFolderError(
                f"{path}: cannot be written: {error.strerror or error}; the folder must be "
                "writable and have room: free some, or choose another `out`"
            ) from error
