"""The comparison as a picture: hypervolume share against trainings, and against simulated time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from nas.bench._summary import mean_share_by_time, share_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from nas.bench._measures import Metrics

LEAST_SHARE = 0.6
_COLOURS = (
    "#0b5cad", "#c8324a", "#2e8b57", "#a06a00", "#7a4fb5", "#3aa6b9", "#d9822b", "#5f6b76",
    "#b3bcc5",
)  # fmt: skip
_STYLES = ("-", "-", "-", "-", "--", "--", ":", ":", "-.")


def plot_bench(
    path: Path, metrics: Mapping[str, Mapping[str, Sequence[Metrics]]], *, title: str
) -> None:
    """Draw every table's runs into a PNG: one column per table, trainings above, time below."""
    figure = Figure(figsize=(5.2 * len(metrics), 8.4), layout="constrained")
    axes = figure.subplots(2, len(metrics), squeeze=False, sharey=True)
    for column, (table, by_sampler) in enumerate(metrics.items()):
        _draw_evaluations(axes[0][column], by_sampler)
        _draw_time(axes[1][column], by_sampler)
        axes[0][column].set_title(table)
    for row in axes:
        row[0].set_ylabel("share of the true front's hypervolume")
    columns = 2 if len(metrics) == 1 else 5
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False)
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _draw_evaluations(axes: Axes, by_sampler: Mapping[str, Sequence[Metrics]]) -> None:
    for (sampler, runs), colour, style in _styled(by_sampler):
        length = max(len(one.shares) for one in runs)
        counts = np.arange(1, length + 1)
        curves = np.array([[share_at(one, int(count)) for count in counts] for one in runs])
        mean = curves.mean(axis=0)
        axes.plot(counts, mean, color=colour, linestyle=style, label=sampler)
        if len(runs) > 1:
            error = curves.std(axis=0, ddof=1) / np.sqrt(len(runs))
            axes.fill_between(counts, mean - error, mean + error, color=colour, alpha=0.15)
    _finish(axes, "networks trained")


def _draw_time(axes: Axes, by_sampler: Mapping[str, Sequence[Metrics]]) -> None:
    # As far as every search was still running.
    end_s = min(one.finished_s[-1] for runs in by_sampler.values() for one in runs)
    seconds = np.linspace(0, end_s, 200)
    unit_s, unit = (3600, "hours") if end_s >= 3600 else (1, "seconds")
    for (sampler, runs), colour, style in _styled(by_sampler):
        shares = mean_share_by_time(runs, [float(value) for value in seconds])
        axes.plot(seconds / unit_s, shares, color=colour, linestyle=style, label=sampler)
    _finish(axes, f"simulated {unit}")


def _styled(
    by_sampler: Mapping[str, Sequence[Metrics]],
) -> list[tuple[tuple[str, Sequence[Metrics]], str, str]]:
    pairs = enumerate(by_sampler.items())
    return [(pair, _COLOURS[n % len(_COLOURS)], _STYLES[n % len(_STYLES)]) for n, pair in pairs]


def _finish(axes: Axes, label: str) -> None:
    axes.set_xlabel(label)
    axes.set_xlim(left=0)
    axes.set_ylim(LEAST_SHARE, 1.0)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
