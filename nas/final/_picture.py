"""The final front as a picture: test accuracy against each cost, published networks beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from nas.report import GREY, PICTURE_STYLE, draw_references, replacing, scale_by_cost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from nas.final._front import FinalFront, FinalMember
    from nas.report import Reference

_FINAL = "#0b5cad"


def draw_front(
    path: Path, front: FinalFront, references: Sequence[Reference], *, seeds: int
) -> None:
    """Draw the finalists as they end and as their proxies saw them, into a PNG.

    Both those and published figures are of full training and of test images; the front, filled,
    was chosen by validation images.

    Raises:
        RunFolderError: the file cannot be written.
    """
    score = front.score.replace("_", " ")
    with mpl.rc_context(PICTURE_STYLE), replacing(path) as draft:
        figure = Figure(figsize=(6.4 * len(front.costs), 4.8), layout="constrained")
        panels = figure.subplots(1, len(front.costs), sharey=True)
        for axes, cost in zip(panels, front.costs, strict=True):
            _draw_members(axes, front.members, cost.name, score, seeds)
            draw_references(axes, cost, [one for one in references if hasattr(one, cost.column)])
            scale_by_cost(axes, cost)
        panels[0].set_ylabel(f"{score}, %")
        panels[0].yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=2, frameon=False)
        on_front = f"{len(front.front)} of {len(front.members)} on the final front"
        headline = f"Finalists after recipe {front.recipe}, {on_front}"
        figure.suptitle(headline, x=0.01, ha="left", fontweight="bold")
        figure.savefig(draft, format="png", dpi=150)


def _draw_members(
    axes: Axes, members: Sequence[FinalMember], cost: str, score: str, seeds: int
) -> None:
    several = f", mean and standard deviation of {seeds} seeds" if seeds > 1 else ""
    told = f"finalist: test {score} after full training{several}"
    for on_front, fill, words in ((True, _FINAL, told), (False, "white", f"{told}; not on front")):
        shown = [one for one in members if one.on_front is on_front]
        if not shown:
            continue
        axes.errorbar(
            [one.costs[cost] for one in shown],
            [one.test for one in shown],
            yerr=[one.test_std or 0 for one in shown],
            fmt="o",
            color=_FINAL,
            markerfacecolor=fill,
            markersize=6,
            zorder=3,
            label=words,
        )
    costs = [one.costs[cost] for one in members]
    ends = [one.proxy for one in members], [one.test for one in members]
    axes.vlines(costs, *ends, color=GREY, linewidth=0.8)
    label = f"the same in the search: validation {score} after short proxy training"
    axes.scatter(costs, ends[0], s=16, color=GREY, label=label)
