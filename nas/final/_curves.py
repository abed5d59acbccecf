"""Curves of trainings: one CSV and one picture for all seeds."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from nas.report import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from nas.final._folder import TrainingFolder
    from nas.final._results import SeedResult

_COLOURS = ("#0b5cad", "#c8324a", "#a06a00", "#3b7f4a", "#6b4fa0")


def write_curves(folder: TrainingFolder, results: Sequence[SeedResult]) -> None:
    """Write `curves.csv` and `curves.png`. Raises RunFolderError."""
    metrics = list(results[0].history[0].validation)
    names = [
        "seed",
        "epoch",
        "rate",
        "train_loss",
        *(f"val_{one}" for one in metrics),
        "elapsed_s",
    ]
    with replacing(folder.path / "curves.csv") as draft, draft.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(_row(result, index) for result in results for index in result.epochs)
    with replacing(folder.path / "curves.png") as draft:
        _picture(results).savefig(draft, dpi=150)


def _row(result: SeedResult, index: int) -> list[Any]:
    record = result.history[index]
    measured = [f"{value:.6g}" for value in record.validation.values()]
    return [
        result.seed,
        record.epoch,
        f"{record.rate:.6g}",
        f"{record.train_loss:.6g}",
        *measured,
        f"{record.elapsed_s:.1f}",
    ]


def _picture(results: Sequence[SeedResult]) -> Figure:
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    for number, result in enumerate(results):
        colour = _COLOURS[number % len(_COLOURS)]
        epochs = [record.epoch for record in result.history]
        validation = [record.validation for record in result.history]
        _line(losses, epochs, [one.train_loss for one in result.history], colour, "--", "training")
        _line(losses, epochs, [one["loss"] for one in validation], colour, "-", "validation")
        _line(
            scores,
            epochs,
            [100 * one["accuracy"] for one in validation],
            colour,
            "-",
            f"seed {result.seed}",
        )
    losses.set(xlabel="epoch", ylabel="loss", yscale="log")
    scores.set(xlabel="epoch", ylabel="validation accuracy, %")
    losses.legend(*_first_two(losses), frameon=False)
    scores.legend(frameon=False)
    for axes in (losses, scores):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    return figure


def _line(axes: Axes, x: list[int], y: list[float], colour: str, style: str, label: str) -> None:
    axes.plot(x, y, style, color=colour, label=label, linewidth=1.4, marker="o" * (len(x) == 1))


def _first_two(axes: Axes) -> tuple[list[Any], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    return handles[:2], [str(label) for label in labels[:2]]
