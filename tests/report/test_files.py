from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import RunFolderError
from nas.report._files import replacing


def test_the_draft_takes_the_place_of_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "front.csv"
    path.write_text("old")

    with replacing(path) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"

    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "front.csv"
    path.write_text("old")

    with pytest.raises(KeyboardInterrupt), replacing(path) as draft:
        draft.write_text("half")
        raise KeyboardInterrupt

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_says_what_to_do(tmp_path: Path) -> None:
    with (
        pytest.raises(RunFolderError, match=r"No space left on device.*have room"),
        replacing(tmp_path / "front.png"),
    ):
        raise OSError(28, "No space left on device")

    assert not list(tmp_path.iterdir())


def test_the_new_file_may_be_read_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with replacing(tmp_path / "report") as draft:
        draft.write_text("")

    assert (tmp_path / "report").stat().st_mode == (tmp_path / "plain").stat().st_mode
