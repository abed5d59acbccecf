"""similarity.png: how alike adjacent layers' feature maps are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from matplotlib.ticker import PercentFormatter

from nas.inspect._maps import NEAR
from nas.inspect._style import FAINT, SMALL, save_picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from nas.inspect._maps import MapChange, MapGroup
    from nas.inspect._parts import PlacedPart

_FATES = (
    ("copied", "an input channel, handed on unchanged", "#0b5cad"),
    ("near", f"near copy of an input channel, |correlation| at least {NEAR}", "#7fb2e5"),
    ("new", "unlike any input channel", "#e07b00"),
    ("dead", "the same number everywhere", "#b3bcc5"),
)
"""What became of an output channel: figure, words, colour."""
_INCHES_A_MATRIX, _INCHES_A_BAR = 3.3, 0.27
_MATRICES_A_ROW = 4
_NUMBERED = 10
"""Larger matrices have no numbers in their cells: they would not fit."""


def plot_similarity(
    path: Path, groups: Sequence[MapGroup], changes: Sequence[MapChange], *, title: str
) -> None:
    """Draw CKA matrices by resolution, and what each part made of its input, into a PNG.

    Raises:
        RunFolderError: the file cannot be written.
    """
    columns = min(max(len(groups), 3), _MATRICES_A_ROW)
    rows = -(-len(groups) // columns)
    matrices = rows * _INCHES_A_MATRIX
    bars = 1.5 + _INCHES_A_BAR * len(changes)

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("constrained", h_pad=0.08, w_pad=0.08)
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        parts: Any = figure.subfigures(2, 1, height_ratios=(matrices, bars))
        above, below = parts
        grid = above.subplots(rows, columns, squeeze=False)
        for axes in grid.flat:
            axes.axis("off")
        for axes, group in zip(grid.flat, groups, strict=False):
            image = _draw_matrix(axes, group)
        above.colorbar(image, ax=grid, shrink=0.75, label="linear CKA")
        _draw_changes(below, changes)

    save_picture(path, (3.1 * columns + 1.0, matrices + bars + 0.4), draw)


def _draw_matrix(axes: Any, group: MapGroup) -> Any:
    axes.axis("on")
    # A map is like itself: leaving that out lets the eye see the rest.
    shown = group.cka.masked_fill(torch.eye(len(group.parts), dtype=torch.bool), torch.nan)
    image = axes.imshow(shown.numpy(), vmin=0, vmax=1, cmap="YlGnBu")
    axes.set_facecolor("#eef1f4")
    axes.set_title(
        f"{group.side[0]}x{group.side[1]} maps", loc="left", fontsize=10, fontweight="bold"
    )
    names = [_short(part) for part in group.parts]
    every = -(-len(names) // 20)
    axes.set_xticks(range(0, len(names), every), names[::every], rotation=90, fontsize=SMALL)
    axes.set_yticks(range(0, len(names), every), names[::every], fontsize=SMALL)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(names) <= _NUMBERED:
        for (row, column), value in _cells(group):
            color = "white" if value > 0.5 else "#1f2933"
            axes.text(
                column, row, f"{value:.2f}", ha="center", va="center", color=color, fontsize=7.5
            )
    return image


def _cells(group: MapGroup) -> list[tuple[tuple[int, int], float]]:
    values = group.cka.tolist()
    return [
        ((row, column), value)
        for row, line in enumerate(values)
        for column, value in enumerate(line)
        if row != column
    ]


def _draw_changes(figure: Any, changes: Sequence[MapChange]) -> None:
    axes = figure.subplots()
    axes.set_title(
        "Channels of each output that keeps its input's resolution",
        loc="left", fontsize=10, fontweight="bold",
    )  # fmt: skip
    left = [0.0] * len(changes)
    places = range(len(changes))
    for figure_name, words, color in _FATES:
        shares = [float(getattr(change, figure_name)) for change in changes]
        axes.barh(places, shares, 0.78, left, color=color, label=words)
        left = [start + share for start, share in zip(left, shares, strict=True)]
    for place, change in zip(places, changes, strict=True):
        note = f"CKA {change.cka:.2f}"
        axes.text(1.01, place, note, va="center", fontsize=SMALL, color=FAINT)
    names = [_long(change.part) for change in changes]
    axes.set_yticks(places, names, fontsize=SMALL)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("CKA: of the input and the channels that are not handed on", fontsize=SMALL)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=SMALL)


def _short(part: PlacedPart) -> str:
    if part.stage is None:
        return part.title
    return f"{part.stage + 1} {part.title}"


def _long(part: PlacedPart) -> str:
    return part.title if part.stage is None else f"{part.section}, {part.title}"
