from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nas.errors import RunFolderError
from nas.run import RunFolder


def refusal(path: Path) -> str:
    with pytest.raises(RunFolderError) as refused:
        RunFolder.create(path)
    return str(refused.value)


def test_a_new_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "runs" / "one")

    assert (folder.path / "weights").is_dir()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert RunFolder.create(tmp_path).path == tmp_path


def test_a_folder_with_a_search_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "search.json").write_text("{}")
    (tmp_path / "log.txt").write_text("begins\n")

    assert refusal(tmp_path) == (
        f"{tmp_path}: holds a search already; continue it with `nas resume {tmp_path}`, or name "
        "another folder with `out`"
    )
    assert (tmp_path / "search.json").exists()


def test_the_folder_of_a_search_that_never_began_is_taken_over(tmp_path: Path) -> None:
    for name in ("search.json", "space.yaml", "study.journal"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "weights").mkdir()

    folder = RunFolder.create(tmp_path)
    assert [path.name for path in folder.path.iterdir()] == ["weights"]


@pytest.mark.parametrize("name", ["weights/0123456789ab.safetensors", "notes.txt"])
def test_of_a_folder_that_holds_more_nothing_is_removed(tmp_path: Path, name: str) -> None:
    (tmp_path / "weights").mkdir()
    for file in ("search.json", name):
        (tmp_path / file).write_text("{}")

    assert "holds a search already" in refusal(tmp_path)
    assert (tmp_path / "search.json").exists()
    assert (tmp_path / name).exists()


def test_three_folders_of_one_name_are_three_folders(tmp_path: Path) -> None:
    made = [RunFolder.create_new(tmp_path / "runs" / "x").path.name for _ in range(3)]

    assert made == ["x", "x-2", "x-3"]


def test_searches_begun_at_the_same_time_get_folders_of_their_own(tmp_path: Path) -> None:
    begin, made = threading.Barrier(8), []

    def make() -> None:
        begin.wait()
        made.append(RunFolder.create_new(tmp_path / "runs" / "x").path.name)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(made) == ["x", *(f"x-{number}" for number in range(2, 9))]


@pytest.mark.parametrize("is_link", [False, True])
def test_runs_that_is_no_folder_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_link: bool
) -> None:
    monkeypatch.setattr("nas.run._folder.count", lambda start: range(start, 9))
    runs = tmp_path / "runs"
    if is_link:
        runs.symlink_to(tmp_path / "nowhere")
    else:
        runs.touch()

    with pytest.raises(RunFolderError, match=rf"{runs}: is a file, or a link to nothing, .*`out`"):
        RunFolder.create_new(runs / "x")


def test_a_folder_is_locked_while_it_is_driven(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    assert not folder.is_locked()
    with folder.lock():
        assert folder.is_locked()
    assert not folder.is_locked()


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    assert "exists and is not an empty folder" in refusal(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "exists and is not an empty folder" in refusal(tmp_path / "file")
    assert "cannot be used: Not a directory" in refusal(tmp_path / "file" / "run")


def test_a_place_where_nothing_can_be_made_is_said() -> None:
    # Root may write anywhere but here.
    assert "cannot be used: " in refusal(Path("/proc/run"))


def test_a_name_too_long_is_said(tmp_path: Path) -> None:
    assert "cannot be used: File name too long" in refusal(tmp_path / ("x" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any folder")
def test_a_read_only_parent_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    assert "cannot be used: Permission denied" in refusal(tmp_path / "run")


def test_opening_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="run: no such run folder; `nas search` prints"):
        RunFolder.open(tmp_path / "run")
    with pytest.raises(RunFolderError, match=r"not a run folder: search\.json is missing"):
        RunFolder.open(tmp_path)


def test_discarding_takes_back_what_was_made_and_nothing_else(tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "one").discard()
    kept = RunFolder.create(tmp_path / "two")
    kept.log("something happened")
    kept.discard()
    half = RunFolder.create(tmp_path / "three")
    for name in ("space.yaml", "search.json.part", "study.journal", "study.journal.lock"):
        (half.path / name).touch()
    half.discard()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["two"]
    assert (kept.path / "log.txt").exists()


HOLD = """
import sys, time
from pathlib import Path
from nas.run import RunFolder
with RunFolder(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(3600)
"""


def test_only_one_process_may_drive_and_a_dead_one_is_none(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder.path], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(RunFolderError, match="another process is running this search"):
        folder.lock().__enter__()
    holder.kill()
    holder.communicate()

    with folder.lock():
        pass


def test_an_error_while_the_lock_is_held_stays_what_it_is(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    with pytest.raises(ConnectionError), folder.lock():
        raise ConnectionError("nothing to do with the folder")


def test_a_file_is_written_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder.create(tmp_path / "run")
    folder.write_bytes("space.yaml", b"before")

    def fill_up(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill_up)
    with pytest.raises(RunFolderError, match=r"space\.yaml: cannot be used: No space left"):
        folder.write_bytes("space.yaml", b"after")

    assert (folder.path / "space.yaml").read_bytes() == b"before"
    assert not (folder.path / "space.yaml.part").exists()


def test_damaged_json_is_said(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    folder.write_bytes("search.json", b'{"format": 2')
    with pytest.raises(RunFolderError, match=r"search\.json: is damaged: Expecting"):
        folder.read_json("search.json")
    with pytest.raises(RunFolderError, match=r"other\.json: cannot be read: No such file"):
        folder.read_json("other.json")


def test_weights_of_other_networks_go(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    for arch_id in ("aa", "bb", "cc"):
        folder.write_bytes(f"weights/{arch_id}.safetensors", b"w")
    folder.keep_weights({"aa", "cc", "dd"})

    assert sorted(path.stem for path in folder.weights("aa").parent.iterdir()) == ["aa", "cc"]


def test_a_subfolder_that_somebody_deleted_is_made_again(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    (folder.path / "weights").rmdir()

    folder.write_bytes("weights/0123456789ab.safetensors", b"w")

    assert folder.read_weights("0123456789ab") == b"w"


def test_a_run_folder_that_was_moved_away_is_not_made_again(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    folder.path.rename(tmp_path / "elsewhere")

    with pytest.raises(RunFolderError):
        folder.write_bytes("weights/0123456789ab.safetensors", b"w")
    assert not (tmp_path / "run").exists()
