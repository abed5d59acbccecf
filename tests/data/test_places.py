from __future__ import annotations

from pathlib import Path

import pytest

from nas.data import absolute_data, absolute_dir


def test_what_exists_is_made_absolute_and_names_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    Path("mnist").mkdir()

    assert absolute_data("mine") == str(tmp_path / "mine")
    assert absolute_data("mnist") == "mnist"
    assert absolute_data("package:function") == "package:function"
    assert absolute_dir("mine") == str(tmp_path / "mine")
    assert absolute_dir(None) is None
    assert absolute_dir(None, "mnist") is None


def test_home_is_known_by_its_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shells leave it in `--data-dir=~/images`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").mkdir()

    assert absolute_data("~/mine") == str(tmp_path / "mine")
    assert absolute_dir("~/images") == str(tmp_path / "images")


def test_files_below_the_working_directory_are_found_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers of Ray Tune have directories of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nas.data._known.DEBIAN_FOLDER", tmp_path / "nowhere")
    here = tmp_path / "data" / "fashion-mnist"
    here.mkdir(parents=True)
    assert absolute_dir(None, "fashion_mnist") is None
    for part in ("train", "t10k"):
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            (here / f"{part}-{kind}").touch()

    assert absolute_dir(None, "fashion_mnist") == str(here)
    assert absolute_dir("mine", "fashion_mnist") == str(tmp_path / "mine")
