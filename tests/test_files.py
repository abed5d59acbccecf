from __future__ import annotations

from pathlib import Path
from threading import Barrier, Thread

import pytest

from nas.files import drafted

ALONE = pytest.mark.parametrize("alone", [False, True])


@ALONE
def test_the_draft_takes_the_place_of_the_old_file(tmp_path: Path, alone: bool) -> None:
    path = tmp_path / "front.csv"
    path.write_text("old")

    with drafted(path, alone=alone) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"

    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@ALONE
@pytest.mark.parametrize("fault", [OSError("full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_no_draft(
    tmp_path: Path, alone: bool, fault: BaseException
) -> None:
    path = tmp_path / "front.csv"
    path.write_text("old")

    with pytest.raises(type(fault)), drafted(path, alone=alone) as draft:
        draft.write_text("half")
        raise fault

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_replaced_leaves_no_draft_either(tmp_path: Path) -> None:
    (tmp_path / "front.csv" / "within").mkdir(parents=True)

    with pytest.raises(OSError), drafted(tmp_path / "front.csv") as draft:
        draft.write_text("new")

    assert [path.name for path in tmp_path.iterdir()] == ["front.csv"]


@ALONE
def test_a_file_that_was_never_written_is_an_error(tmp_path: Path, alone: bool) -> None:
    with pytest.raises(FileNotFoundError), drafted(tmp_path / "front.csv", alone=alone):
        pass


def test_who_writes_alone_takes_over_what_a_killed_process_left(tmp_path: Path) -> None:
    path, foreign = tmp_path / "net.pt", tmp_path / "foreign"
    foreign.write_text("kept")
    (tmp_path / "net.pt.part").symlink_to(foreign)

    with drafted(path, alone=True) as draft:
        draft.write_text("whole")

    assert (path.read_text(), foreign.read_text()) == ("whole", "kept")
    assert not path.is_symlink()
    assert {one.name for one in tmp_path.iterdir()} == {"net.pt", "foreign"}


def test_several_may_write_one_file_at_a_time(tmp_path: Path) -> None:
    path, together = tmp_path / "report.html", Barrier(2)

    def write(text: str) -> None:
        with drafted(path) as draft:
            draft.write_text(text)
            together.wait()

    threads = [Thread(target=write, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert path.read_text() in ("one", "two")
    assert list(tmp_path.iterdir()) == [path]


@ALONE
def test_the_new_file_may_be_read_as_any_other(tmp_path: Path, alone: bool) -> None:
    (tmp_path / "plain").write_text("")
    with drafted(tmp_path / "report", alone=alone) as draft:
        draft.write_text("")

    assert (tmp_path / "report").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_draft_ends_as_its_file_does(tmp_path: Path) -> None:
    with drafted(tmp_path / "front.png") as draft:
        assert draft.suffix == ".png"
        draft.touch()
