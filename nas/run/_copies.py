"""Other folders of the same search: each keeps the weights of what was trained from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.run._open import open_run
from nas.units import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from nas.run._members import FrontMember
    from nas.run._run import Run


def open_copies(run: Run, folders: Iterable[Path | str]) -> tuple[Run, ...]:
    """Runs that share the study of `run`.

    Raises:
        OptionError: a folder is of another search, or keeps a study of its own.
        RunFolderError: there is no run in a folder, or it is damaged.
    """
    copies = tuple(map(open_run, folders))
    study = (run.settings.storage, run.settings.study)
    for copy in copies:
        if run.settings.storage is None or (copy.settings.storage, copy.settings.study) != study:
            raise OptionError(
                f"`copies` {quoted(copy.path)}: does not share the study of {quoted(run.path)}; "
                "name folders that were copied from it and search in the same database (`storage`)"
            )
    return copies


def take_weights(members: Sequence[FrontMember], copies: Sequence[Run]) -> tuple[str, ...]:
    """Weights that fit, from the first copy that has them; the ids of the networks that got some.

    Raises:
        RunFolderError: the run folder cannot be written.
    """
    return tuple(
        member.arch_id for member in members if any(_take(member, copy) for copy in copies)
    )


def _take(member: FrontMember, copy: Run) -> bool:
    there = replace(member, run=copy)
    if not there.has_weights:
        return False
    member.run.folder.write_bytes(f"weights/{member.arch_id}.safetensors", there.weights())
    return True
