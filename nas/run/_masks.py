"""What a run's best network makes of validation images where every pixel has a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.errors import UserError
from nas.inspect import plot_masks
from nas.report import replacing
from nas.run._data import read_data

if TYPE_CHECKING:
    from pathlib import Path

    from nas.run._run import Run

MASKS = "masks.png"


def write_masks(run: Run) -> Path | None:
    """Draw images, their masks and the best network's into RUN/masks.png.

    None for other tasks, and where there is no network yet or the data are out of reach.
    """
    if run.settings.data_options.task != "segmentation" or not run.front():
        return None
    try:
        data = read_data(run.settings)
    except UserError:
        return None
    (best,) = run.pick("best")
    path = run.path / MASKS
    with replacing(path) as draft:
        plot_masks(draft, best.model(), data, title=f"{best.arch_id} on validation images")
    return path
