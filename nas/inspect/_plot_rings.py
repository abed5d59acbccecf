"""rings.png: how parameter rings are used, and what training made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nas.inspect._style import FAINT, SMALL, save_picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure
    from torch import Tensor

    from nas.inspect._ring_use import RingUse

MAX_RINGS = 8
"""Of more rings the largest are drawn."""
_INCHES_A_RING = 2.9
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_BINS = 8
_USE, _VALUE, _READER = "#0b5cad", "#2a9d6f", "#e07b00"


def plot_rings(path: Path, rings: Sequence[RingUse], *, title: str) -> None:
    """Draw use counts, values by use, and readers of each of `rings` into a PNG.

    Raises:
        RunFolderError: the file cannot be written.
    """
    numbered = list(enumerate(rings, start=1))
    largest = sorted(numbered, key=lambda one: -len(one[1].values))[:MAX_RINGS]

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        grid = figure.subplots(len(largest), 3, squeeze=False)
        for line, (number, ring) in zip(grid, sorted(largest), strict=True):
            _draw_uses(line[0], number, ring)
            _draw_values(line[1], ring)
            _draw_readers(line[2], ring)

    save_picture(path, (13.0, 0.5 + _INCHES_A_RING * len(largest)), draw)


def use_bins(uses: Tensor) -> list[tuple[int, int]]:
    """Inclusive ranges of use counts, at most `_BINS` of equal width, without empty ones."""
    low, high = int(uses.min()), int(uses.max())
    width = -(-(high - low + 1) // _BINS)
    ranges = [(start, min(start + width - 1, high)) for start in range(low, high + 1, width)]
    return [(a, b) for a, b in ranges if bool(((uses >= a) & (uses <= b)).any())]


def _draw_uses(axes: Any, number: int, ring: RingUse) -> None:
    bins = use_bins(ring.uses)
    counts = [int(((ring.uses >= a) & (ring.uses <= b)).sum()) for a, b in bins]
    axes.bar(range(len(bins)), counts, 0.7, color=_USE)
    for place, count in enumerate(counts):
        share = 100 * count / len(ring.uses)
        axes.annotate(
            f"{share:.0f} %", (place, count), xytext=(0, 2), textcoords="offset points",
            ha="center", fontsize=SMALL,
        )  # fmt: skip
    axes.set_xlim(-0.8, max(len(bins), 3) - 0.2)
    axes.set_xticks(range(len(bins)), [_range(a, b) for a, b in bins])
    axes.set_xlabel("weights that read an element")
    axes.set_ylabel("ring elements")
    _count_axis(axes.yaxis)
    total = int(ring.uses.sum())
    axes.set_title(
        f"ring {number}: {len(ring.values):,} elements for {total:,} weights",
        loc="left", fontsize=10, fontweight="bold",
    )  # fmt: skip
    axes.margins(y=0.12)


def _draw_values(axes: Any, ring: RingUse) -> None:
    """Quantiles of |value| by use: does training make much-used elements larger?"""
    bins = use_bins(ring.uses)
    levels = torch.tensor(_QUANTILES)
    # torch.quantile refuses more than 16 million numbers; every 16th of so many is plenty.
    step = -(-len(ring.values) // 1_000_000)
    values, uses = ring.values.abs()[::step], ring.uses[::step]
    for place, (low, high) in enumerate(bins):
        chosen = values[(uses >= low) & (uses <= high)]
        if not len(chosen):
            continue
        q10, q25, q50, q75, q90 = torch.quantile(chosen, levels).tolist()
        axes.plot([place, place], [q10, q90], color=_VALUE, lw=1.5, solid_capstyle="butt")
        axes.bar(place, q75 - q25, 0.5, q25, color=_VALUE)
        axes.plot([place - 0.25, place + 0.25], [q50, q50], color="white", lw=1.8)
    axes.set_xlim(-0.8, max(len(bins), 3) - 0.2)
    axes.set_ylim(bottom=0)
    axes.set_xticks(range(len(bins)), [_range(a, b) for a, b in bins])
    axes.set_xlabel("weights that read an element")
    axes.set_ylabel("|value|")
    axes.set_title(
        "values by use: median, middle half, middle 80 %", loc="left", fontsize=10, color=FAINT
    )


def _draw_readers(axes: Any, ring: RingUse) -> None:
    names = [name for name, _ in ring.readers]
    turns = [count / len(ring.values) for _, count in ring.readers]
    axes.barh(range(len(names)), turns, 0.7, color=_READER)
    for place, (turn, (_, count)) in enumerate(zip(turns, ring.readers, strict=True)):
        axes.annotate(
            f"{count:,}", (turn, place), xytext=(3, 0), textcoords="offset points",
            va="center", fontsize=SMALL, color=FAINT,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(len(names), 3) - 0.4, -0.6)
    axes.set_xlabel("times around the ring")
    axes.margins(x=0.2)
    axes.tick_params(axis="y", length=0)
    axes.set_title("who reads it: weights of each stage", loc="left", fontsize=10, color=FAINT)


def _count_axis(axis: Any) -> None:
    axis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"
