"""What a run's best network makes of validation images where every pixel has a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.errors import UserError
from nas.inspect import plot_masks
from nas.report import replacing
from nas.run._data import check_data, read_data

if TYPE_CHECKING:
    from nas.run._run import Run

MASKS = "masks.png"


def write_masks(run: Run) -> tuple[str, ...]:
    """Draw images, their masks and the best network's into RUN/masks.png.

    Nothing is drawn for other tasks, nor before there is a network. Where nothing can be drawn,
    for data out of reach or weights that are lost, the answer says so in a sentence.
    """
    if run.settings.data_options.task != "segmentation" or not run.front():
        return ()
    try:
        _draw(run)
    except UserError as error:
        return (f"No new picture of masks: {error}.",)
    return ()


def _draw(run: Run) -> None:
    """Raises UserError."""
    data = read_data(run.settings)
    check_data(run.settings.data, run.facts.data, data)
    (best,) = run.pick("best")
    model = best.model()
    with replacing(run.path / MASKS) as draft:
        plot_masks(draft, model, data, title=f"{best.arch_id} on validation images")
