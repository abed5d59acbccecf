"""A journal file of Optuna's format: entries are read as they come, and appended in batches.

The file is a list of JSON lines; a reader takes whole lines only, so whatever a killed writer
leaves is a prefix of what it meant to write.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from optuna.storages.journal import JournalFileOpenLock

from nas.search._store import DamagedStudy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path


OPERATIONS = range(11)
"""Kinds of entries that Optuna knows."""
_SHAPES = {
    "op_code": int,
    "worker_id": str,
    "trial_id": int,
    "user_attr": dict,
    "user_attrs": dict,
    "params": dict,
}
"""Fields of an entry, and what they hold where there are any."""


class Journal:
    """A journal file."""

    def __init__(self, path: Path) -> None:
        """The file is there already. Nothing is read yet."""
        self._path = path.absolute()
        # Optuna's default is a link to the file, whose removal takes ext4 over a millisecond where
        # the path has 60 letters and more. Either keeps the other out: they share a name.
        self._lock = JournalFileOpenLock(str(self._path))
        self._offset = 0
        self.num_lines = 0
        """How many were read or written."""

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other writers out, Optuna's own included."""
        self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def read(self) -> Iterator[dict[str, Any]]:
        """Entries that were not read before. Raises OSError, and DamagedStudy at what is none."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                self.num_lines += 1
                yield read_entry(line)

    def append(self, lines: list[str]) -> None:
        """Write entries at once, down to the disk; they are not read again here."""
        content = "".join(f"{line}\n" for line in lines).encode()
        # Unbuffered: a buffer would write what is left of it when the file is closed.
        with self._path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                _write(file, content)
                os.fsync(file.fileno())
            except OSError:
                # Half a line, left where the next one begins, would damage both.
                file.truncate(size)
                raise
        self._offset += len(content)
        self.num_lines += len(lines)

    def cut_half_entry(self) -> None:
        """Remove what a killed writer left after the last whole entry; within `lock`."""
        with self._path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            if file.read(1) not in (b"", b"\n"):
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)


def _write(file: FileIO, content: bytes) -> None:
    """All of it, which a disk that is nearly full takes in parts."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def read_entry(line: bytes) -> dict[str, Any]:
    """One line of a journal. Raises DamagedStudy where it is no entry."""
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict) or not _has_shape(entry):
        raise DamagedStudy("is no entry of a journal")
    return entry


def _has_shape(entry: dict[str, Any]) -> bool:
    if not entry.keys() >= {"op_code", "worker_id"} or entry["op_code"] not in OPERATIONS:
        return False
    return all(isinstance(entry[name], kind) for name, kind in _SHAPES.items() if name in entry)


def repair_journal(path: Path) -> None:
    """Mend what a killed writer leaves: half an entry at the end, and its lock.

    Only for the one process that may write the journal.
    """
    if not path.exists():
        return
    for lock in path.parent.glob(path.name + ".lock*"):
        lock.unlink(missing_ok=True)
    Journal(path).cut_half_entry()
