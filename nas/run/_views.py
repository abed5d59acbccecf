"""A run's report: every view of its document, once, over several runs, or as long as it runs."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from nas.report import (
    Axis,
    Document,
    HypervolumeBox,
    write_document_json,
    write_page,
    write_trials_csv,
)
from nas.run._document import document_of
from nas.run._masks import MASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nas.run._run import Run
    from nas.trial import Evaluation

RELOAD_S = 5
"""Seconds between two looks at a run that goes on."""


def write_views(
    run: Run,
    *,
    reload_s: int | None = None,
    copy: Path | None = None,
    evaluations: tuple[Evaluation, ...] | None = None,
) -> Path:
    """Write `report.html`, `report.json` and `trials.csv` of a run. Raises UserError.

    `copy` is a file to write the page to as well; `evaluations` are as `document_of` takes them.
    Returns where the page is, the copy if any.
    """
    document, folder = document_of(run, evaluations=evaluations), run.folder.path
    write_document_json(folder / "report.json", document)
    write_trials_csv(folder / "trials.csv", document)
    masks = folder / MASKS
    pages = [folder / "report.html", *([copy] if copy else [])]
    for page in pages:
        write_page(
            page,
            [document],
            reload_s=reload_s if document.live else None,
            masks=masks.read_bytes() if masks.exists() else None,
        )
    return pages[-1]


def write_comparison(path: Path, runs: Sequence[Run]) -> None:
    """Write one page over several runs; fronts of equal objectives share one box."""
    write_page(path, documents_of(runs))


def documents_of(runs: Sequence[Run]) -> list[Document]:
    """Documents of several runs, with hypervolumes that compare where anything can."""
    aims = {(run.problem.objectives, run.settings.data, run.problem.num_classes) for run in runs}
    box = _common_box([run.box for run in runs]) if len(aims) == 1 else None
    return [document_of(run, box=box) for run in runs]


def _common_box(boxes: Sequence[HypervolumeBox]) -> HypervolumeBox:
    """The smallest box that holds all of them."""
    sides = zip(*(box.axes for box in boxes), strict=True)
    return HypervolumeBox(axes=tuple(reduce(_wider, side) for side in sides))


def _wider(one: Axis, other: Axis) -> Axis:
    better, worse = (max, min) if one.objective.direction == "maximize" else (min, max)
    return replace(one, best=better(one.best, other.best), worst=worse(one.worst, other.worst))


def watch(
    reopen: Callable[[], Run],
    tell: Callable[[Path], None],
    *,
    every_s: float = RELOAD_S,
    copy: Path | None = None,
) -> None:
    """Write the report again and again until the search has ended.

    Args:
        reopen: Opens the run anew.
        tell: Told the page once, when it is there for the first time.
        every_s: Least number of seconds between two reports; a large run takes longer.
        copy: A file to write the page to as well.
    """
    told = False
    while True:
        began = time.monotonic()
        run = reopen()
        live = run.folder.is_locked()
        path = write_views(run, reload_s=RELOAD_S, copy=copy)
        if not told:
            tell(path)
            told = True
        if not live:
            return
        time.sleep(max(every_s, 3 * (time.monotonic() - began)))
