"""Writing the files of a run, and what is said where that fails."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from nas.errors import RunFolderError
from nas.files import drafted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a draft beside `path` to write to; it takes the place of `path` when all went well.

    Raises:
        RunFolderError: the folder or the file cannot be written; `path` is then as it was.
    """
    try:
        with drafted(path) as draft:
            yield draft
    except OSError as error:
        raise RunFolderError(
            f"{path}: cannot be written ({error.strerror or error}); "
            "the folder must exist, be writable and have room: free some, or choose another `out`"
        ) from error
