"""What a run folder shows of its search: `front.csv` and `front.png`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.report._front import front_rows, write_front_csv
from nas.report._plot import plot_front
from nas.report._references import references_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nas.arch import Architecture
    from nas.metrics import Limit, Metric
    from nas.report._front import FrontRow
    from nas.trial import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `write_report` found and where it put it."""

    front: tuple[FrontRow, ...]
    csv_path: Path
    png_path: Path


def write_report(
    folder: Path,
    evaluations: Sequence[Evaluation],
    objectives: Sequence[Metric],
    *,
    limits: Sequence[Limit] = (),
    dataset: str,
    title: str = "",
    describe: Callable[[Architecture], str] | None = None,
) -> Report:
    """Write `front.csv` and `front.png` into an existing folder.

    Args:
        folder: Where to; files of those names are replaced.
        evaluations: All trials of the search, in any state.
        objectives: What was searched for; the first decides the order of the rows.
        limits: What keeps a network off the front.
        dataset: Name of the data set, for the published networks known for it.
        title: Headline of the picture; counts of networks where empty.
        describe: Gives a network's short description for the table.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    front = front_rows(evaluations, objectives, limits=limits, describe=describe)
    report = Report(front=front, csv_path=folder / "front.csv", png_path=folder / "front.png")
    write_front_csv(report.csv_path, front)
    references = references_for(dataset)
    plot_front(report.png_path, evaluations, objectives, references, limits=limits, title=title)
    return report
