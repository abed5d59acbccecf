"""The comparison as a picture: hypervolume over time, and the fronts of one seed."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from judge import MARKS, front_at, hypervolume
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from task import network

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from task import Run

COLOURS = ("#0b5cad", "#2e8b57", "#c8324a", "#a06a00", "#7a4fb5", "#3aa6b9")


def draw(path: Path, runs: dict[str, list[Run]], judged: dict[str, float]) -> None:
    """Mean hypervolume with its standard error, and who found what with seed 0."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, of_one), colour in zip(runs.items(), COLOURS, strict=False):
        _draw_curve(left, name, of_one, judged, colour)
        _draw_front(right, of_one[0], judged, colour)
    left.set_xscale("log")
    left.set_xlabel("seconds on one core")
    left.set_ylabel("hypervolume of the front, retrained")
    left.legend(frameon=False, fontsize=8)
    right.set_xscale("log")
    right.set_xlabel("parameters")
    right.set_ylabel("accuracy of the front, retrained, %; seed 0")
    for axes in (left, right):
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _draw_curve(
    axes: Axes, name: str, of_one: list[Run], judged: dict[str, float], colour: str
) -> None:
    seconds = [share * of_one[0].seconds for share in MARKS]
    columns = [[hypervolume(run, share, judged) for run in of_one] for share in MARKS]
    means = [statistics.mean(column) for column in columns]
    errors = [statistics.stdev(column) / len(column) ** 0.5 for column in columns]
    axes.errorbar(seconds, means, errors, color=colour, marker="o", markersize=3, label=name)


def _draw_front(axes: Axes, run: Run, judged: dict[str, float], colour: str) -> None:
    front = front_at(run, 1.0)
    params = [network(one.genome).cost.params for one in front]
    axes.scatter(params, [100 * judged[one.id] for one in front], s=14, color=colour, alpha=0.8)
