"""The front as a picture: accuracy against each cost, published networks beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from nas.report._files import replacing
from nas.report._front import best_row, complete_rows, front_rows, knee_row
from nas.report._pareto import pareto_front
from nas.report._table import human_bytes, human_count
from nas.trial import OBJECTIVES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from nas.report._front import FrontRow
    from nas.report._references import Reference
    from nas.trial import Evaluation, Objective

_TRIAL = "#9aa5b1"
_FRONT = "#0b5cad"
_KNEE = "#d1495b"
_PUBLISHED = "#b07d12"
# matplotlib types the keys as one Literal of all its settings; Any stands for it.
_STYLE: dict[Any, object] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#5f6b76",
    "axes.axisbelow": True,
}
_INCHES_A_PANEL, _INCHES_HIGH = 6.2, 5.0


def plot_front(
    path: Path,
    evaluations: Sequence[Evaluation],
    objectives: Sequence[Objective],
    references: Sequence[Reference] = (),
    *,
    title: str = "",
) -> None:
    """Draw accuracy against each cost among the objectives, one panel each, into a PNG.

    Every complete trial is a faint dot. Large dots are the front over all objectives; the steps
    are the front of the panel's two alone. Without a cost among the objectives the panels are
    parameters and MACs.

    Raises:
        RunFolderError: the file cannot be written.
    """
    rows = complete_rows(evaluations)
    front = front_rows(evaluations, objectives)
    costs = _costs(objectives)
    # A Figure of its own, without pyplot: no global state, no display, safe in any thread.
    with mpl.rc_context(_STYLE), replacing(path) as draft:
        figure = Figure((_INCHES_A_PANEL * len(costs), _INCHES_HIGH), 150, layout="constrained")
        panels = figure.subplots(1, len(costs), sharey=True, squeeze=False)[0]
        for panel, cost in zip(panels, costs, strict=True):
            _draw_panel(panel, cost, rows, front, objectives)
            _draw_references(panel, cost, references)
        _finish(figure, panels, _least_shown(rows, front))
        for panel, cost in zip(panels, costs, strict=True):
            _scale_costs(panel, cost)
            _name_references(panel, cost, references)
        figure.suptitle(title or _headline(rows, front), x=0.01, ha="left", fontweight="bold")
        figure.savefig(draft, format="png")


def _costs(objectives: Sequence[Objective]) -> tuple[Objective, ...]:
    costs = tuple(one for one in objectives if one.direction == "minimize")
    return costs or (OBJECTIVES["params"], OBJECTIVES["macs"])


def _draw_panel(
    panel: Axes,
    cost: Objective,
    rows: Sequence[FrontRow],
    front: Sequence[FrontRow],
    objectives: Sequence[Objective],
) -> None:
    panel.set_xscale("log")
    panel.set_xlabel(cost.unit)
    panel.grid(color="#e6eaee", linewidth=0.8)
    for some, size, color, label in (
        (rows, 16, _TRIAL, "trial"),
        (front, 34, _FRONT, "on the front"),
    ):
        points = _points(cost, some)
        panel.scatter(*points, s=size, color=color, linewidths=0, zorder=4, label=label)
    panel.step(
        *_steps(cost, rows),
        where="post",
        color=_FRONT,
        linewidth=1.4,
        alpha=0.8,
        zorder=3,
        label="best within this cost",
    )
    if front:
        _mark(panel, cost, front[best_row(front)], "best", _FRONT)
        _mark(panel, cost, front[knee_row(front, objectives)], "knee", _KNEE)


def _points(cost: Objective, rows: Sequence[FrontRow]) -> tuple[list[float], list[float]]:
    """The rows' places in the panel: their costs and their accuracies."""
    costs = [cost.value(row.cost, row.scores) for row in rows]
    return costs, [row.scores.accuracy for row in rows]


def _steps(cost: Objective, rows: Sequence[FrontRow]) -> tuple[list[float], list[float]]:
    """The corners of "the best accuracy to be had for at most this cost"."""
    points = list(zip(*_points(cost, rows), strict=True))
    kept = [points[index] for index in pareto_front(points, ("minimize", "maximize"))]
    return [x for x, _ in kept], [y for _, y in kept]


def _mark(panel: Axes, cost: Objective, row: FrontRow, name: str, color: str) -> None:
    costs, accuracies = _points(cost, [row])
    point = (costs[0], accuracies[0])
    panel.scatter(costs, accuracies, s=130, facecolors="none", edgecolors=color, zorder=5)
    # Up and to the left of a front lies what no network reaches: there is room for words.
    panel.annotate(
        f"{name} {row.scores.accuracy:.1%}, {_human(cost)(point[0], 0)}".replace("%", " %"),
        point,
        xytext=(-9, 9),
        textcoords="offset points",
        ha="right",
        color=color,
        fontsize=9,
        zorder=6,
        bbox={
            "boxstyle": "round,pad=0.15",
            "facecolor": "white",
            "edgecolor": "none",
            "alpha": 0.8,
        },
    )


def _draw_references(panel: Axes, cost: Objective, references: Sequence[Reference]) -> None:
    """Stars for the published networks, their names in a column on the right."""
    if cost.name not in ("params", "macs"):
        return
    points = [(float(getattr(one, cost.name)), one.accuracy) for one in references]
    panel.scatter(
        [x for x, _ in points],
        [y for _, y in points],
        marker="*",
        s=90,
        color=_PUBLISHED,
        zorder=4,
        label=_published(references),
    )


def _published(references: Sequence[Reference]) -> str:
    sizes = sorted({one.macs_px for one in references})
    where = " and ".join(f"{size}x{size}" for size in sizes)
    return f"published: full training, best test accuracy, MACs at {where} px"


def _name_references(panel: Axes, cost: Objective, references: Sequence[Reference]) -> None:
    """Write the models' names beside the panel, a thin line from each to its star."""
    if cost.name not in ("params", "macs"):
        return
    ordered = sorted(references, key=lambda one: one.accuracy)
    low, high = panel.get_ylim()
    heights = spread([(one.accuracy - low) / (high - low) for one in ordered], gap=0.05)
    for one, height in zip(ordered, heights, strict=True):
        panel.annotate(
            f"{one.model}  {one.accuracy:.1%}".replace("%", " %"),
            (float(getattr(one, cost.name)), one.accuracy),
            xytext=(1.02, height),
            textcoords="axes fraction",
            va="center",
            fontsize=8.5,
            color=_PUBLISHED,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": _PUBLISHED, "linewidth": 0.5, "alpha": 0.6},
        )


def spread(heights: Sequence[float], *, gap: float) -> tuple[float, ...]:
    """Move labels apart so that neighbours are at least `gap` apart and none is above 1.

    Args:
        heights: Where the labels would like to be, ascending, as shares of the panel's height.
        gap: Least distance between two labels, as such a share.
    """
    placed: list[float] = []
    ceiling = 1.0
    for height in reversed(heights):
        placed.append(min(height, ceiling))
        ceiling = placed[-1] - gap
    return tuple(reversed(placed))


def _least_shown(rows: Sequence[FrontRow], front: Sequence[FrontRow]) -> float | None:
    """The accuracy where the picture may begin: all of the front, and three trials in four."""
    if not rows:
        return None
    accuracies = sorted(row.scores.accuracy for row in rows)
    quarter = accuracies[len(accuracies) // 4]
    return min(quarter, *(row.scores.accuracy for row in front))


def _finish(figure: Figure, panels: Sequence[Axes], least: float | None) -> None:
    top = panels[0].get_ylim()[1]
    low = 0.0 if least is None else max(least - 0.08 * (top - least), 0.0)
    # Room above the best network for its name; no accuracy lies above 1.
    panels[0].set_ylim(low, min(top + 0.04 * (top - low), 1.02))
    panels[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    panels[0].set_ylabel("accuracy (trials: validation images after short proxy training)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=len(labels), frameon=False)


def _scale_costs(panel: Axes, cost: Objective) -> None:
    low, high = panel.get_xlim()
    ticks = (1.0, 2.0, 5.0) if high < 300 * low else (1.0,)
    panel.xaxis.set_major_locator(LogLocator(subs=ticks))
    panel.xaxis.set_major_formatter(FuncFormatter(_human(cost)))
    panel.xaxis.set_minor_formatter(NullFormatter())


def _human(cost: Objective) -> Callable[[float, float], str]:
    write = human_bytes if cost.unit == "bytes" else human_count
    return lambda value, _position: write(value)


def _headline(rows: Sequence[FrontRow], front: Sequence[FrontRow]) -> str:
    return f"{len(rows)} networks trained, {len(front)} of them on the Pareto front"
