"""Networks of a run by id. Needs what a search needs, Optuna included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.data import NOT_MOVED
from nas.run import check_data, find_network, open_run

if TYPE_CHECKING:
    from pathlib import Path

    from nas.arch import Architecture
    from nas.data import ImageData, MovedData
    from nas.run import Run
    from nas.trial import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRun:
    """A run and its trials."""

    session: Run
    evaluations: tuple[Evaluation, ...]


def open_front(folder: Path, moved: MovedData = NOT_MOVED) -> OpenedRun:
    """Open a run folder, finished or not, its data where they are now. Raises UserError."""
    run = open_run(folder, data=moved.data, data_dir=moved.data_dir)
    return OpenedRun(session=run, evaluations=run.trials())


def find_member(run: OpenedRun, arch_id: str) -> Architecture:
    """The one network of the run whose id begins so. Raises OptionError."""
    return find_network(run.session, arch_id, run.evaluations)


def check_front_data(run: OpenedRun, data: ImageData) -> None:
    """Raise RunFolderError where the data are not those that were searched on."""
    session = run.session
    check_data(session.settings.data, session.facts.data, data)
