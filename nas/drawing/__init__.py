"""A network as a picture: what it is made of, drawn as SVG, without torch."""

from __future__ import annotations

from nas.drawing._diagram import (
    BlockView,
    Diagram,
    LevelView,
    RingView,
    SectionView,
    diagram_of,
)
from nas.drawing._style import DARK_COLOURS, LIGHT_COLOURS, RING_COLOURS, RULES
from nas.drawing._svg import draw_svg
from nas.drawing._write import write_drawing

__all__ = [
    "DARK_COLOURS",
    "LIGHT_COLOURS",
    "RING_COLOURS",
    "RULES",
    "BlockView",
    "Diagram",
    "LevelView",
    "RingView",
    "SectionView",
    "diagram_of",
    "draw_svg",
    "write_drawing",
]
