"""A diagram as SVG, from the image at the top to the logits at the bottom."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from nas.drawing._style import RING_COLOURS, RULES, STANDALONE

if TYPE_CHECKING:
    from nas.drawing._diagram import BlockView, Diagram, LevelView, SectionView, Shape

WIDTH = 560
_LEFT, _RIGHT = 12, 548
_BOX_LEFT, _BOX_RIGHT = 34, 424
_TEXT = 48
_LINE = 16
_MIDDLE = 229
_CHARACTERS = 56
"""That fit a line of options."""
_SPOKES = 8
"""Edges drawn of a point, at most."""
_PREFIXES = ("", " k", " M", " G")


def draw_svg(diagram: Diagram, *, standalone: bool = True) -> str:
    """The network's picture as one `<svg>` element.

    Shapes stand on the edges (channels x height x width), costs at the right. Thin copies behind
    a block are equal blocks with weights of their own; an arrow that returns is a block whose
    weights are applied again. A coloured number is a ring that the kernels come from.

    Args:
        diagram: What to draw.
        standalone: With its own style and colours, for a file; without, for a page that has
            `RULES` and the colours.
    """
    pen = _Pen()
    _image(pen, diagram)
    for section in diagram.sections:
        _section(pen, section)
    _logits(pen, diagram)
    _legend(pen, diagram)
    return pen.document(f"{diagram.name}, architecture {diagram.arch_id}", standalone=standalone)


class _Pen:
    """Elements drawn so far, and the height at which the next ones go."""

    def __init__(self) -> None:
        self.y = 8.0
        self._elements: list[str] = []

    def add(self, name: str, kind: str = "", **attributes: object) -> None:
        """One element; `_` in a name stands for `-`."""
        given = {"class": kind, **attributes} if kind else attributes
        text = " ".join(
            f'{key.replace("_", "-")}="{_number(item)}"' for key, item in given.items()
        )
        self._elements.append(f"<{name} {text}/>")

    def text(self, x: float, y: float, words: str, kind: str = "") -> None:
        """Words on the base line `y`."""
        style = f' class="{kind}"' if kind else ""
        self._elements.append(
            f'<text x="{_number(x)}" y="{_number(y)}"{style}>{escape(words)}</text>'
        )

    def box(
        self, x: float, y: float, width: float, height: float, kind: str, *, round: float = 5
    ) -> None:
        """A rounded rectangle."""
        self.add("rect", kind, x=x, y=y, width=width, height=height, rx=round)

    def arrow(self, x: float, top: float, bottom: float, kind: str = "flow") -> None:
        """Straight down or up, with its tip at `bottom`."""
        back = -6 if bottom > top else 6
        self.add("path", kind, d=f"M{_number(x)} {_number(top)}V{_number(bottom + back / 2)}")
        self.tip(x, bottom, back, "tip" if kind == "flow" else "looptip")

    def tip(self, x: float, y: float, back: float, kind: str) -> None:
        """The head of a vertical arrow."""
        self.add("path", kind, d=f"M{_number(x)} {_number(y)}l-4 {back}h8z")

    def document(self, title: str, *, standalone: bool) -> str:
        """Everything drawn, as one element with a title for screen readers."""
        height = round(self.y + 8)
        style = f"<style>{STANDALONE}{RULES}</style>" if standalone else ""
        namespace = ' xmlns="http://www.w3.org/2000/svg"' if standalone else ""
        return (
            f'<svg{namespace} class="net" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'width="{WIDTH}" height="{height}"><title>{escape(title)}</title>{style}'
            f"{''.join(self._elements)}</svg>"
        )


def _image(pen: _Pen, diagram: Diagram) -> None:
    pen.box(_MIDDLE - 90, pen.y, 180, 24, "box", round=12)
    pen.text(_MIDDLE, pen.y + 16, f"image {_shape(diagram.input_shape)}", "m")
    pen.text(_RIGHT - 6, pen.y + 16, "params \N{MIDDLE DOT} MACs", "s r")
    pen.y += 24


def _section(pen: _Pen, section: SectionView) -> None:
    pen.arrow(_MIDDLE, pen.y, pen.y + 18)
    pen.y += 18
    top, held = pen.y, _Pen()
    held.y = top + 26
    for number, block in enumerate(section.blocks):
        if number:
            held.arrow(_MIDDLE, held.y, held.y + 20)
            held.text(_MIDDLE + 8, held.y + 13, _shape(block.in_shape), "s")
            held.y += 20
        _block(held, block, with_costs=len(section.blocks) > 1)
    pen.box(_LEFT, top, _RIGHT - _LEFT, held.y + 10 - top, "card", round=9)
    pen.text(_LEFT + 10, top + 17, section.title.upper(), "t")
    costs = f"{_count(section.params)} \N{MIDDLE DOT} {_count(section.macs)}"
    pen.text(_RIGHT - 6, top + 17, costs, "r b")
    pen._elements += held._elements
    pen.y = held.y + 10
    if section.blocks and section.title != "head":
        pen.text(_MIDDLE + 8, pen.y + 13, _shape(section.blocks[-1].out_shape), "s")


def _block(pen: _Pen, block: BlockView, *, with_costs: bool) -> None:
    lines = _lines(block.options)
    top = pen.y
    inner = 24 + _LINE * max(len(lines), 1 if block.times > 1 else 0)
    split_at = top + inner
    inner += 32 if block.split else 0
    edges_at = top + inner
    inner += 44 if block.neighbours else 0
    levels_at = top + inner
    inner += 24 * len(block.levels) + 6 if block.levels else 0
    height = inner + 4
    behind = 4 * min(block.copies - 1, 2)
    for offset in range(behind, 0, -4):
        pen.box(_BOX_LEFT + offset, top + offset, _BOX_RIGHT - _BOX_LEFT, height, "box")
    pen.box(_BOX_LEFT, top, _BOX_RIGHT - _BOX_LEFT, height, "box")
    pen.text(_TEXT, top + 18, block.name, "b")
    if block.copies > 1:
        words = f"{block.copies} blocks, weights of their own"
        pen.text(_BOX_RIGHT - 8, top + 18, words, "s r")
    for number, line in enumerate(lines):
        pen.text(_TEXT, top + 18 + _LINE * (number + 1), line, "s")
    if block.split:
        _split(pen, block, split_at)
    if block.neighbours:
        _edges(pen, block, edges_at)
    if block.levels:
        _levels(pen, block.levels, levels_at)
    _rings(pen, block.rings, top, height)
    if block.times > 1:
        _loop(pen, block.times, top, height + behind)
    if with_costs:
        _costs(pen, block, top + (42 if block.times > 1 else 18))
    pen.y = top + height + behind


def _lines(words: tuple[str, ...]) -> list[str]:
    """Joined by dots, broken between words only."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 3 + len(word) <= _CHARACTERS:
            lines[-1] += f" \N{MIDDLE DOT} {word}"
        else:
            lines.append(word)
    return lines


def _costs(pen: _Pen, block: BlockView, y: float) -> None:
    pen.text(_RIGHT - 6, y, f"{_count(block.params)} \N{MIDDLE DOT} {_count(block.macs)}", "s r")


def _loop(pen: _Pen, times: int, top: float, height: float) -> None:
    """An arrow from the block's end back to its beginning."""
    low, high, right = top + height - 8, top + 12, _BOX_RIGHT + 22
    pen.add(
        "path",
        "loop",
        d=f"M{_BOX_RIGHT} {_number(low)}H{right - 8}Q{right} {_number(low)} {right} "
        f"{_number(low - 8)}V{_number(high + 8)}Q{right} {_number(high)} {right - 8} "
        f"{_number(high)}H{_BOX_RIGHT + 4}",
    )
    pen.add("path", "looptip", d=f"M{_BOX_RIGHT} {_number(high)}l7 -4.5v9z")
    pen.text(right + 6, top + 16, f"\N{MULTIPLICATION SIGN}{times}", "loops")
    pen.text(right + 6, top + 29, "same weights", "s")


def _split(pen: _Pen, block: BlockView, top: float) -> None:
    """The channels as one bar: those that pass unchanged, and the others."""
    width, total = _BOX_RIGHT - _TEXT - 12, sum(size for _, size in block.split)
    left = float(_TEXT)
    for name, size in block.split:
        share = width * size / total
        kind = "same" if name in ("identity", "kept") else "own"
        pen.box(left, top, max(share - 2, 2), 9, kind, round=2)
        left += share
    words = ", ".join(f"{size} {name}" for name, size in block.split)
    pen.text(_TEXT, top + 23, f"channels: {words}", "s")


def _edges(pen: _Pen, block: BlockView, top: float) -> None:
    """A point with edges to the nearest others, and what becomes of them."""
    x, y = _TEXT + 18.0, top + 18.0
    nearest = min(block.neighbours, math.prod(block.in_shape[1:]))
    shown = min(nearest - 1, _SPOKES)
    for spoke in range(shown):
        angle = 2 * math.pi * spoke / shown - 0.4
        far_x, far_y = x + 15 * math.cos(angle), y + 15 * math.sin(angle)
        pen.add("path", "flow", d=f"M{x:.1f} {y:.1f}L{far_x:.1f} {far_y:.1f}")
        pen.add("circle", "same", cx=far_x, cy=far_y, r=3)
    pen.add("circle", "own", cx=x, cy=y, r=4.5)
    first = f"each point: edges to its {nearest} nearest points, itself included,"
    pen.text(_TEXT + 46, top + 14, first, "s")
    words = f"of {2 * block.in_shape[0]} channels; the maximum over them is kept"
    pen.text(_TEXT + 46, top + 30, words, "s")


def _levels(pen: _Pen, levels: tuple[LevelView, ...], top: float) -> None:
    """A V: restricted level by level to the narrowest, then prolonged and corrected back."""
    widest, middle = levels[0].channels, (_TEXT + _BOX_RIGHT) / 2
    for number, level in enumerate(levels):
        width = 140 + 110 * level.channels / widest
        y = top + 24 * number
        pen.box(middle - width / 2, y, width, 18, "level", round=3)
        groups = "all channels coupled" if number + 1 == len(levels) else _groups(level.groups)
        pen.text(middle, y + 13, f"{level.channels} ch, {groups}", "s m")
        if number:
            edge = width / 2 - 8
            pen.arrow(middle - edge, y - 6, y)
            pen.arrow(middle + edge, y, y - 6)
    pen.text(_TEXT, top + 13, "restrict \N{DOWNWARDS ARROW}", "s")
    pen.text(_BOX_RIGHT - 8, top + 13, "\N{UPWARDS ARROW} correct", "s r")


def _groups(count: int) -> str:
    return "1 group" if count == 1 else f"{count} groups"


def _rings(pen: _Pen, rings: tuple[int, ...], top: float, height: float) -> None:
    """A stripe of the rings' colours at the left, each with its number where there is room."""
    if not rings:
        return
    shown = rings[: max(int(height // 15), 1)]
    share = height / len(shown)
    for place, number in enumerate(shown):
        y = top + place * share
        pen.add(
            "rect",
            x=_BOX_LEFT - 16,
            y=y,
            width=14,
            height=max(share - 1, 3),
            rx=3,
            fill=RING_COLOURS[(number - 1) % len(RING_COLOURS)],
        )
        more = len(rings) > len(shown) and place + 1 == len(shown)
        pen.text(_BOX_LEFT - 9, y + share / 2 + 3.5, "+" if more else str(number), "ring")


def _logits(pen: _Pen, diagram: Diagram) -> None:
    pen.arrow(_MIDDLE, pen.y, pen.y + 18)
    pen.y += 18
    pen.box(_MIDDLE - 90, pen.y, 180, 24, "box", round=12)
    for place, (name, shape) in enumerate(diagram.outputs):
        if place:
            pen.y += 28
            pen.box(_MIDDLE - 90, pen.y, 180, 24, "box", round=12)
        pen.text(_MIDDLE, pen.y + 16, f"{shape[0]} {name}", "m")
    pen.y += 30


def _legend(pen: _Pen, diagram: Diagram) -> None:
    if not diagram.rings:
        return
    pen.y += 14
    pen.text(_LEFT, pen.y, f"RINGS, ONE PER {diagram.scope.upper()}", "t")
    for ring in diagram.rings[:12]:
        pen.y += 18
        colour = RING_COLOURS[(ring.number - 1) % len(RING_COLOURS)]
        pen.add("rect", x=_LEFT, y=pen.y - 10, width=22, height=13, rx=3, fill=colour)
        pen.text(_LEFT + 11, pen.y, str(ring.number), "ring")
        words = f"{ring.size:,} trained scalars generate {ring.generated:,} weights"
        pen.text(_LEFT + 30, pen.y, words, "s")
    if (rest := len(diagram.rings) - 12) > 0:
        pen.y += 16
        scalars = sum(ring.size for ring in diagram.rings[12:])
        pen.text(_LEFT + 30, pen.y, f"and {rest} more with {scalars:,} scalars", "s")


def _shape(shape: Shape) -> str:
    return " \N{MULTIPLICATION SIGN} ".join(map(str, shape))


def _count(value: float) -> str:
    """Three significant digits: 950, 12.3 k, 1.2 M."""
    step = 0
    while value >= (1000 if step == 0 else 999.5) and step < len(_PREFIXES) - 1:
        value, step = value / 1000, step + 1
    return f"{value:.3g}{_PREFIXES[step]}"


def _number(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
