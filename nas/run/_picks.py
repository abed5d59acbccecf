"""What `nas export --pick` writes of a run's final front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.errors import RunFolderError
from nas.run._members import pick_members

if TYPE_CHECKING:
    from nas.run._run import Run

NAMED = ("best", "knee")


def final_picks(run: Run) -> dict[str, str]:
    """Network ids by `best` and `knee` of the final front; none without one.

    Raises:
        RunFolderError: a file of the final front cannot be read.
    """
    front = tuple(one for one in run.finals() if one.on_front)
    if not front:
        return {}
    return {which: pick_members(run, front, which)[0].arch_id for which in NAMED}


def readable_picks(run: Run) -> dict[str, str]:
    """The same; none where the final front is damaged: the rest of a report is worth having."""
    try:
        return final_picks(run)
    except RunFolderError:
        return {}
