"""Puts exported files into their folder: never through a link, never over somebody's edits."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from nas.errors import RunFolderError
from nas.files import drafted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST_KEY = "files"
"""In the record beside the files: name -> SHA-256, as they were written."""


def place_files(
    folder: Path, files: Mapping[str, bytes], *, record: str, force: bool = False
) -> None:
    """Write `files` by name into `folder`, all of them or, where one may not be, none.

    A file is replaced, not written into: a link that has its name is left without it, what the
    link points to stays as it is.

    Args:
        folder: Made where it is missing.
        files: Contents by name.
        record: The name of the JSON file, among `files` and there from an earlier export, that
            holds digests; a file there that differs from its digest was edited.
        force: Replace edited files too.

    Raises:
        RunFolderError: a file there was edited, a name leads out of the folder, or the folder
            cannot be written.
    """
    for name in files:
        if "/" in name or os.sep in name or name in (".", ".."):
            raise RunFolderError(f"{folder / name}: leads out of the folder of the export")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not force:
            _refuse_edited(folder, files, record)
        for name, content in files.items():
            with drafted(folder / name, alone=True) as draft:
                draft.write_bytes(content)
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be written: {error.strerror}") from error


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _digests(folder: Path, record: str) -> Mapping[str, str]:
    try:
        plain: Any = json.loads((folder / record).read_text(encoding="utf-8"))
        return dict(plain[MANIFEST_KEY])
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _refuse_edited(folder: Path, files: Mapping[str, bytes], record: str) -> None:
    known = _digests(folder, record)
    for name, content in files.items():
        path = folder / name
        if path.is_symlink() or not path.exists() or name == record:
            continue
        there = path.read_bytes()
        if there != content and digest(there) != known.get(name):
            raise RunFolderError(
                f"{path}: was edited since it was exported, or was not exported; keep it by "
                "exporting to another folder with `out`, or replace it with `force`"
            )
