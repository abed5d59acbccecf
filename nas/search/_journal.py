"""A journal file of Optuna's format: entries are read as they come, and appended in batches.

The file is a list of JSON lines; a reader takes whole lines only, so whatever a killed writer
leaves is a prefix of what it meant to write.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from optuna.storages.journal import JournalFileSymlinkLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


OPERATIONS = range(11)
"""Kinds of entries that Optuna knows."""


class Journal:
    """A journal file."""

    def __init__(self, path: Path) -> None:
        """The file is there already. Nothing is read yet."""
        # The lock is a link to the file: a relative one would lead from the file's own folder.
        self._path = path.absolute()
        self._lock = JournalFileSymlinkLock(str(self._path))
        self._offset = 0
        self._num_lines = 0

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other writers out, Optuna's own included."""
        self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def read(self) -> Iterator[dict[str, Any]]:
        """Entries that were not read before. Raises ValueError at a damaged line."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                self._num_lines += 1
                yield self._parse(line)

    def append(self, lines: list[str]) -> None:
        """Write entries at once, down to the disk; they are not read again here."""
        content = "".join(f"{line}\n" for line in lines).encode()
        with self._path.open("ab") as file:
            size = file.tell()
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                # Half a line, left where the next one begins, would damage both.
                file.truncate(size)
                raise
        self._offset += len(content)
        self._num_lines += len(lines)

    def cut_half_entry(self) -> None:
        """Remove what a killed writer left after the last whole entry; within `lock`."""
        with self._path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            if file.read(1) not in (b"", b"\n"):
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)

    def _parse(self, line: bytes) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise ValueError(f"line {self._num_lines} is damaged ({error})") from error
        whole = isinstance(entry, dict) and entry.keys() >= {"op_code", "worker_id"}
        if whole and entry["op_code"] in OPERATIONS:
            return dict(entry)
        raise ValueError(f"line {self._num_lines} is no entry of a journal")


def repair_journal(path: Path) -> None:
    """Mend what a killed writer leaves: half an entry at the end, and its lock.

    Only for the one process that may write the journal.
    """
    if not path.exists():
        return
    for lock in path.parent.glob(path.name + ".lock*"):
        lock.unlink(missing_ok=True)
    Journal(path).cut_half_entry()
