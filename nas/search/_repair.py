"""A damaged journal made readable: lines that say nothing, or nothing that fits, are dropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from optuna.storages.journal._storage import JournalOperation, JournalStorageReplayResult
from optuna.trial import TrialState

from nas.errors import StorageError
from nas.search._fields import OPENED, RECORD, RUNGS, read_outcome, read_score

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPLAY_ERRORS = (KeyError, ValueError, TypeError, AttributeError, AssertionError, IndexError)
"""What replaying an entry raises that makes no sense where it stands."""


def repair_study(journal: Path) -> tuple[tuple[str, ...], str | None]:
    """Rewrite a journal without the lines that make it unreadable; nothing else is touched.

    Returns:
        The lines dropped, as `line 12: why`, and the file that holds the journal as it was.

    Raises:
        StorageError: the journal cannot be read or written.
    """
    try:
        lines = journal.read_bytes().splitlines(keepends=True)
        kept, dropped = _sift(lines)
        if not dropped:
            return (), None
        backup = _free_name(journal)
        backup.write_bytes(b"".join(lines))
        draft = journal.with_name(journal.name + ".part")
        draft.write_bytes(b"".join(kept))
        draft.replace(journal)
    except OSError as error:
        raise StorageError(f"{journal}: cannot be repaired: {error.strerror or error}") from error
    return tuple(dropped), str(backup)


def first_fault(journal: Path) -> str | None:
    """The first line that makes a journal unreadable, as `line 12: why`; None where none does."""
    try:
        _, dropped = _sift(journal.read_bytes().splitlines(keepends=True))
    except OSError as error:
        return error.strerror or str(error)
    return dropped[0] if dropped else None


def _sift(lines: list[bytes]) -> tuple[list[bytes], list[str]]:
    """The lines that can be replayed, and what is wrong with the others.

    Where the line that opened a trial is lost, one like it is put in its place: without, every
    later trial would be taken for the one before it. Where a trial's record is lost, so is its
    end: it is evaluated again.
    """
    replay, opening = JournalStorageReplayResult(""), b""
    kept: list[bytes] = []
    dropped: list[str] = []
    opened = 0
    unrecorded: set[int | None] = set()
    for number, line, entry in _entries(lines):
        if entry and entry.get("trial_id") == opened and opening:
            replay.apply_logs([json.loads(opening)])
            kept.append(opening)
            opened += 1
        if entry and RECORD in entry.get("user_attr", ()):
            unrecorded.discard(entry.get("trial_id"))
        if dropped and entry and _ends(entry) and entry["trial_id"] in unrecorded:
            dropped.append(f"line {number}: ends trial {entry['trial_id']}, whose record is lost")
            continue
        reason = "is no entry of a journal" if entry is None else _reason(replay, entry)
        if reason is None and entry is not None:
            kept.append(line if line.endswith(b"\n") else line + b"\n")
            if entry["op_code"] == JournalOperation.CREATE_TRIAL:
                if OPENED in entry.get("user_attrs", ()):
                    unrecorded.add(opened)
                opening, opened = kept[-1], opened + 1
        else:
            dropped.append(f"line {number}: {reason}")
    return kept, dropped


def _ends(entry: dict[str, Any]) -> bool:
    """Whether it says that a trial is finished."""
    is_state = entry.get("op_code") == JournalOperation.SET_TRIAL_STATE_VALUES
    return is_state and "trial_id" in entry and TrialState(entry.get("state", 0)).is_finished()


def _entries(lines: list[bytes]) -> Iterator[tuple[int, bytes, dict[str, Any] | None]]:
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        yield number, line, entry if _has_shape(entry) else None


_SHAPES = {
    "op_code": int,
    "worker_id": str,
    "trial_id": int,
    "user_attr": dict,
    "user_attrs": dict,
    "params": dict,
}
"""Fields of an entry, and what they hold where there are any."""


def _has_shape(entry: object) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry[name], kind) for name, kind in _SHAPES.items() if name in entry
    )


def _reason(replay: JournalStorageReplayResult, entry: dict[str, Any]) -> str | None:
    """Why an entry cannot be replayed; None where it was."""
    if not {"op_code", "worker_id"} <= entry.keys():
        return "is no entry of a journal"
    try:
        for attributes in (entry.get("user_attr", {}), entry.get("user_attrs", {})):
            _check_attributes(attributes)
        replay.apply_logs([entry])
    except REPLAY_ERRORS as error:
        return f"does not follow from the lines before it ({type(error).__name__}: {error})"
    return None


def _check_attributes(attributes: dict[str, Any]) -> None:
    """Raise ValueError, TypeError or AttributeError on what cannot be read of a trial."""
    if RECORD in attributes:
        read_outcome(attributes[RECORD])
    for rung in attributes.get(RUNGS, ()):
        read_score(rung)


def _free_name(journal: Path) -> Path:
    number = 1
    while (path := journal.with_name(f"{journal.name}.damaged-{number}")).exists():
        number += 1
    return path
