"""Writing a file so that readers see the old one or the new one, never a part."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING

from nas.errors import RunFolderError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a draft beside `path` to write to; it takes the place of `path` when all went well.

    Raises:
        RunFolderError: the folder or the file cannot be written; `path` is then as it was.
    """
    draft: Path | None = None
    try:
        handle, name = mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
        os.close(handle)
        draft = Path(name)
        draft.chmod(0o666 & ~_umask())
        yield draft
        draft.replace(path)
    except OSError as error:
        raise RunFolderError(
            f"{path}: cannot be written ({error.strerror or error}); "
            "the folder must exist, be writable and have room: free some, or choose another `out`"
        ) from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def _umask() -> int:
    # The mask can only be read by setting it; mkstemp's 0600 would hide the report from others.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
