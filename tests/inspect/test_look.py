from __future__ import annotations

import errno
from pathlib import Path

import pytest

from nas.errors import RunFolderError
from nas.inspect._look import _keep


def test_weights_that_do_not_fit_leave_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "made" / "weights.safetensors"
    _keep(file, b"old")

    def fill(path: Path, content: bytes) -> int:
        with path.open("wb") as draft:
            draft.write(content[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(RunFolderError, match="No space left on device; free space or name"):
        _keep(file, b"new")

    assert file.read_bytes() == b"old"
    assert list(file.parent.iterdir()) == [file]
