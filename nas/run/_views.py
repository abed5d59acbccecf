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
from nas.run._document import document_of, is_running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nas.run._session import Session

RELOAD_S = 5
"""Seconds between two looks at a run that goes on."""


def write_views(session: Session, *, reload_s: int | None = None) -> Path:
    """Write `report.html`, `report.json` and `trials.csv` of a run. Raises UserError."""
    document, folder = document_of(session), session.folder.path
    write_document_json(folder / "report.json", document)
    write_trials_csv(folder / "trials.csv", document)
    path = folder / "report.html"
    write_page(path, [document], reload_s=reload_s if document.live else None)
    return path


def write_comparison(path: Path, sessions: Sequence[Session]) -> None:
    """Write one page over several runs; fronts of equal objectives share one box."""
    write_page(path, documents_of(sessions))


def documents_of(sessions: Sequence[Session]) -> list[Document]:
    """Documents of several runs, with hypervolumes that compare where anything can."""
    aims = {
        (session.problem.objectives, session.settings.data, session.problem.num_classes)
        for session in sessions
    }
    box = _common_box([session.box for session in sessions]) if len(aims) == 1 else None
    return [document_of(session, box=box) for session in sessions]


def _common_box(boxes: Sequence[HypervolumeBox]) -> HypervolumeBox:
    """The smallest box that holds all of them."""
    sides = zip(*(box.axes for box in boxes), strict=True)
    return HypervolumeBox(axes=tuple(reduce(_wider, side) for side in sides))


def _wider(one: Axis, other: Axis) -> Axis:
    better, worse = (max, min) if one.objective.direction == "maximize" else (min, max)
    return replace(one, best=better(one.best, other.best), worst=worse(one.worst, other.worst))


def watch(
    open_run: Callable[[], Session], tell: Callable[[Path], None], *, every_s: float = RELOAD_S
) -> None:
    """Write the report again and again until the search has ended.

    Args:
        open_run: Opens the run anew.
        tell: Told the page once, when it is there for the first time.
        every_s: Least number of seconds between two reports; a large run takes longer.
    """
    told = False
    while True:
        began = time.monotonic()
        session = open_run()
        live = is_running(session.folder.path)
        path = write_views(session, reload_s=RELOAD_S)
        if not told:
            tell(path)
            told = True
        if not live:
            return
        time.sleep(max(every_s, 3 * (time.monotonic() - began)))
