"""Networks of a run by id. Needs what a search needs, Optuna included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.run import find_network, open_run

if TYPE_CHECKING:
    from pathlib import Path

    from nas.arch import Architecture
    from nas.run import Run
    from nas.trial import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRun:
    """A run and its trials."""

    session: Run
    evaluations: tuple[Evaluation, ...]


def open_front(folder: Path) -> OpenedRun:
    """Open a run folder, finished or not. Raises UserError."""
    run = open_run(folder)
    return OpenedRun(session=run, evaluations=run.trials())


def find_member(run: OpenedRun, arch_id: str) -> Architecture:
    """The one network of the run whose id begins so. Raises OptionError."""
    return find_network(run.session, arch_id, run.evaluations)
