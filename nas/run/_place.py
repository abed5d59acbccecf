"""Where a run's data are: written into its folder once they are found to be the same elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nas.run._create import write_search
from nas.run._data import check_data, read_data

if TYPE_CHECKING:
    from nas.run._run import Run


def has_moved(run: Run) -> bool:
    """Whether the run was opened with another place of its data than its folder knows."""
    return at_known_place(run).settings != run.settings


def at_known_place(run: Run) -> Run:
    """The run with its data where its folder knows them."""
    known = run.folder.read_json("search.json")["settings"]
    place = {name: known[name] for name in ("data", "data_dir") if name in known}
    return replace(run, settings=replace(run.settings, **place))


def check_place(run: Run) -> None:
    """Raise UserError where there are no data, or others than the search began with."""
    check_data(run.settings.data, run.facts.data, read_data(run.settings))


def keep_place(run: Run) -> None:
    """Write where the data are, so that later verbs find them there."""
    if has_moved(run):
        write_search(run)
