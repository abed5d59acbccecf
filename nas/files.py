"""Writing a file so that readers see the old one or the new one, never a part."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def drafted(path: Path, *, alone: bool = False) -> Iterator[Path]:
    """A draft beside `path` to write to, which takes the place of `path` when all went well.

    Otherwise the draft is removed, and `path` is as it was. A link is replaced, not followed.

    Args:
        path: The file, in a folder that is there.
        alone: Nobody else writes this file at the same time. Its draft then always has the same
            name, `path` with `.part` after it, so that processes that are killed leave one at
            most; otherwise each is named anew and ends as `path` does.

    Raises OSError.
    """
    own = f".{path.stem}-{token_hex(4)}{path.suffix}"
    draft = path.with_name(f"{path.name}.part" if alone else own)
    draft.unlink(missing_ok=True)
    try:
        yield draft
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
