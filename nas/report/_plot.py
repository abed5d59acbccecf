"""The front as a picture: its score against each cost, published networks beside it."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, PercentFormatter

from nas.metrics import METRICS, score_of
from nas.report._files import replacing
from nas.report._front import best_row, complete_rows, front_rows, knee_row
from nas.report._pareto import pareto_front

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from nas.metrics import Limit, Metric
    from nas.report._front import FrontRow
    from nas.report._references import Reference
    from nas.trial import Evaluation

GREY = "#b3bcc5"
_FRONT = "#0b5cad"
_KNEE = "#c8324a"
_PUBLISHED = "#a06a00"
_SMALL = 8.5
_INCHES_A_PANEL, _INCHES_HIGH = 6.4, 4.8
_FONT = "DejaVu Sans"
_WIDER_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
    "Hiragino Sans",
    "PingFang SC",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Malgun Gothic",
)
"""Of names in Chinese, Japanese or Korean, where one is installed."""


def _fonts() -> list[str]:
    """Our own, then those installed that have more letters: matplotlib warns of others."""
    installed = {font.name for font in fontManager.ttflist}
    return [_FONT, *(name for name in _WIDER_FONTS if name in installed)]


# matplotlib types the keys as one Literal of all its settings; Any stands for it.
PICTURE_STYLE: dict[Any, object] = {
    "font.family": _fonts(),
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#5f6b76",
    "axes.axisbelow": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """What one panel shows: everything against one cost."""

    axes: Axes
    cost: Metric
    score: Metric
    """What was searched for: accuracy, mean IoU, ..., in [0, 1]."""
    trials: Sequence[FrontRow]
    front: Sequence[FrontRow]
    best: FrontRow | None
    knee: FrontRow | None
    references: Sequence[Reference]

    def point(self, row: FrontRow) -> tuple[float, float]:
        """A network's place: its cost and its score."""
        return self.cost.value(row.cost, row.scores), self.score.value(row.cost, row.scores)

    def figures(self, row: FrontRow) -> str:
        """A network's place in words."""
        cost, score = self.point(row)
        return f"{100 * score:.1f} %, {self.cost.text(cost)}"


def plot_front(
    path: Path,
    evaluations: Sequence[Evaluation],
    objectives: Sequence[Metric],
    references: Sequence[Reference] = (),
    *,
    limits: Sequence[Limit] = (),
    title: str = "",
) -> None:
    """Draw the score against each cost among the objectives, one panel each, into a PNG.

    Every complete trial is a faint dot. Large dots are the front over all objectives; the steps
    are the front of the panel's two alone. Without a cost among the objectives the panels are
    parameters and MACs. References are of accuracy, and drawn beside nothing else.

    Raises:
        RunFolderError: the file cannot be written.
    """
    trials, front = complete_rows(evaluations), front_rows(evaluations, objectives, limits=limits)
    costs, score = _costs(objectives), score_of(objectives)
    published = references if score.name == "accuracy" else ()
    # A Figure of its own, without pyplot: no global state, no display, safe in any thread.
    with mpl.rc_context(PICTURE_STYLE), _silent_on_glyphs(), replacing(path) as draft:
        figure = Figure((_INCHES_A_PANEL * len(costs), _INCHES_HIGH), 150, layout="constrained")
        grid = figure.subplots(1, len(costs), sharey=True, squeeze=False)[0]
        panels = [
            _Panel(
                axes=axes,
                cost=cost,
                score=score,
                trials=trials,
                front=front,
                best=front[best_row(front, objectives)] if front else None,
                knee=front[knee_row(front, objectives)] if front else None,
                references=[one for one in published if hasattr(one, cost.column)],
            )
            for axes, cost in zip(grid, costs, strict=True)
        ]
        _draw(figure, panels)
        headline = title or f"{len(trials)} networks trained, {len(front)} on the Pareto front"
        figure.suptitle(headline, x=0.01, ha="left", fontweight="bold")
        figure.savefig(draft, format="png")


@contextmanager
def _silent_on_glyphs() -> Iterator[None]:
    """A letter that no font has becomes a box, which is no user's concern on standard error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from", UserWarning)
        yield


def _costs(objectives: Sequence[Metric]) -> tuple[Metric, ...]:
    costs = tuple(one for one in objectives if not one.is_score)
    return costs or (METRICS["params"], METRICS["macs"])


def _draw(figure: Figure, panels: Sequence[_Panel]) -> None:
    for panel in panels:
        _draw_trials(panel)
        _draw_knee(panel)
        draw_references(panel.axes, panel.cost, panel.references)
        scale_by_cost(panel.axes, panel.cost, empty=not panel.trials and not panel.references)
    _scale_score(panels[0])
    # Names come last: their places depend on the scales.
    for panel in panels:
        _name(panel)
    handles, labels = panels[0].axes.get_legend_handles_labels()
    columns = min(len(panels), 2)
    figure.legend(handles, labels, loc="outside lower left", ncols=columns, frameon=False)


def _draw_trials(panel: _Panel) -> None:
    for rows, size, color, layer, label in (
        (panel.trials, 16, GREY, 2, f"trial: {panel.score.unit} after short proxy training"),
        (panel.front, 34, _FRONT, 4, "trial on the front of all objectives"),
    ):
        x, y = _columns([panel.point(row) for row in rows])
        panel.axes.scatter(x, y, s=size, color=color, linewidths=0, zorder=layer, label=label)
    points = [panel.point(row) for row in panel.trials]
    directions = (panel.cost.direction, panel.score.direction)
    steps = sorted(points[index] for index in pareto_front(points, directions))
    x, y = _columns(steps)
    panel.axes.step(
        x, y, where="post", color=_FRONT, linewidth=1.4, label="best trial within this cost"
    )


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _draw_knee(panel: _Panel) -> None:
    if panel.knee is None or panel.knee == panel.best:
        return
    x, y = panel.point(panel.knee)
    panel.axes.scatter([x], [y], s=130, facecolors="none", edgecolors=_KNEE, lw=1.5, zorder=5)
    panel.axes.annotate(
        f"knee  {panel.figures(panel.knee)}",
        (x, y),
        # To the lower right of a front are only networks it beats: there is room for words.
        xytext=(9, -15),
        textcoords="offset points",
        color=_KNEE,
        fontsize=_SMALL,
        zorder=6,
        bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "linewidth": 0, "alpha": 0.8},
    )


def draw_references(axes: Axes, cost: Metric, references: Sequence[Reference]) -> None:
    """Published networks as stars, at their cost and test accuracy."""
    if not references:
        return
    x = [float(getattr(one, cost.column)) for one in references]
    sizes = " and ".join(f"{size}x{size}" for size in sorted({r.macs_px for r in references}))
    label = f"published: best test accuracy after full training (MACs at {sizes} px)"
    y = [one.accuracy for one in references]
    axes.scatter(x, y, marker="*", s=90, color=_PUBLISHED, lw=0, zorder=4, label=label)


def scale_by_cost(axes: Axes, cost: Metric, *, empty: bool = False) -> None:
    """Name the axis of a cost; over several decades its ticks are at 1, 2 and 5."""
    axes.grid(color="#e6eaee", linewidth=0.8)
    axes.set_xlabel(cost.axis)
    if not cost.logarithmic:
        return
    axes.set_xscale("log")
    if empty:
        axes.set_xlim(1e3, 1e6)  # nothing to scale by, and a logarithm needs a range
    low, high = axes.get_xlim()
    subs = (1.0, 2.0, 5.0) if high < 300 * low else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(EngFormatter(unit="B" if cost.style == "bytes" else ""))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _scale_score(panel: _Panel) -> None:
    """Show all of the front and three trials in four; what fell far below would squeeze them."""
    panel.axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    panel.axes.set_ylabel(panel.score.name.replace("_", " "))
    if not panel.front:
        panel.axes.set_ylim(0, 1)
        return
    scores = sorted(panel.point(row)[1] for row in panel.trials)
    shown = [panel.point(row)[1] for row in panel.front] + scores[len(scores) // 4 :]
    shown += [one.accuracy for one in panel.references]
    margin = 0.06 * (max(shown) - min(shown)) or 0.01
    panel.axes.set_ylim(max(min(shown) - margin, 0), min(max(shown) + margin, 1.02))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Label:
    """A name beside a panel for one point in it."""

    text: str
    point: tuple[float, float]
    color: str


def _labels(panel: _Panel) -> list[_Label]:
    """What is named beside a panel, from the bottom to the top."""
    labels = [
        _Label(
            text=f"{one.model}  {100 * one.accuracy:.1f} %",
            point=(float(getattr(one, panel.cost.column)), one.accuracy),
            color=_PUBLISHED,
        )
        for one in panel.references
    ]
    if panel.best is not None:
        text = f"best  {panel.figures(panel.best)}"
        labels.append(_Label(text=text, point=panel.point(panel.best), color=_FRONT))
    # Of points about equally high the rightmost is named highest, so that no two lines cross.
    return sorted(labels, key=lambda one: (round(200 * one.point[1]), one.point[0]))


def _name(panel: _Panel) -> None:
    """Write the labels in a column on the panel's right, a thin line from each to its point."""
    labels = _labels(panel)
    low, high = panel.axes.get_ylim()
    heights = spread([(one.point[1] - low) / (high - low) for one in labels], gap=0.055)
    for one, height in zip(labels, heights, strict=True):
        panel.axes.annotate(
            one.text,
            one.point,
            xytext=(1.03, height),
            textcoords="axes fraction",
            va="center",
            fontsize=_SMALL,
            color=one.color,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": one.color,
                "linewidth": 0.5,
                "alpha": 0.7,
                "relpos": (0, 0.5),
            },
        )


def spread(heights: Sequence[float], *, gap: float) -> tuple[float, ...]:
    """Move labels apart so that neighbours are at least `gap` apart and none is above 1.

    Args:
        heights: Where the labels would like to be, from the bottom up, as shares of the panel's
            height.
        gap: Least distance between two labels, as such a share.
    """
    placed: list[float] = []
    ceiling = 1.0
    for height in reversed(heights):
        placed.append(min(height, ceiling))
        ceiling = placed[-1] - gap
    return tuple(reversed(placed))
