from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from nas.data._layout import list_folder
from nas.data._listing import Listing, class_names, sizes
from nas.errors import DataError, OptionError

if TYPE_CHECKING:
    from pathlib import Path


def _write(root: Path, *folders: str, count: int = 2) -> None:
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.new("L", (4, 4), number).save(root / folder / f"{number}.png")


def _counts(listing: Listing) -> dict[str, dict[str, int]]:
    return {part: dict(sizes(samples)) for part, samples in listing.parts.items()}


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "valid", "test"),
        ("Train", "Val", "TEST"),
        ("training", "validation", "testing"),
    ],
)
def test_parts_by_their_names_in_any_case(tmp_path: Path, train: str, val: str, test: str) -> None:
    _write(tmp_path, *(f"{part}/{name}" for part in (train, val, test) for name in ("cat", "dog")))

    listing = list_folder(tmp_path)

    assert _counts(listing) == {part: {"cat": 2, "dog": 2} for part in ("train", "val", "test")}
    assert class_names(listing) == ("cat", "dog")


def test_an_archive_unpacked_into_a_folder_of_its_own(tmp_path: Path) -> None:
    _write(tmp_path, "pets/train/cat", "pets/train/dog", "pets/test/cat")

    assert _counts(list_folder(tmp_path)) == {"train": {"cat": 2, "dog": 2}, "test": {"cat": 2}}


def test_hidden_and_system_folders_and_files_do_not_count(tmp_path: Path) -> None:
    _write(tmp_path, "cat", "dog", ".cache", "__MACOSX/cat", "cat/.thumbnails")
    (tmp_path / "cat/.DS_Store").write_bytes(b"x")
    (tmp_path / "dog/Thumbs.db").write_bytes(b"x")
    (tmp_path / "dog/notes.txt").write_text("no image")

    listing = list_folder(tmp_path)

    assert _counts(listing) == {"train": {"cat": 2, "dog": 2}}
    assert [note for note in listing.notes if "notes.txt" in note]
    assert not [note for note in listing.notes if "DS_Store" in note]


def test_nested_classes_are_the_topmost_folders_with_images(tmp_path: Path) -> None:
    _write(tmp_path, "pets/cat", "pets/dog", "car", "car/old")

    listing = list_folder(tmp_path)

    assert _counts(listing)["train"] == {"pets/cat": 2, "pets/dog": 2, "car": 4}
    assert any("`group_by` 2" in note for note in listing.notes)


def test_numbers_are_in_the_order_of_their_values(tmp_path: Path) -> None:
    _write(tmp_path, "0", "2", "10")

    assert class_names(list_folder(tmp_path)) == ("0", "2", "10")


@pytest.mark.parametrize("level", ["1", "2"])
def test_a_level_of_folders_is_the_group(tmp_path: Path, level: str) -> None:
    pairs = [(name, person) for name in ("cat", "dog") for person in ("ann", "bob")]
    _write(tmp_path, *("/".join(pair[::-1] if level == "1" else pair) for pair in pairs))

    listing = list_folder(tmp_path, group_by=level)

    assert _counts(listing)["train"] == {"cat": 4, "dog": 4}
    assert {sample.group for sample in listing.parts["train"]} == {"ann", "bob"}


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("train/cat", "test/cat", "extra/cat"), "extra is not understood beside test, train"),
        (("train/cat", "val/cat", "valid/cat"), "val/ and valid/ both mean the val part"),
        (("test/cat", "test/dog"), "has test/ but no train/"),
        (("train", "car"), "no class can be called train"),
        (("cat/train", "cat/test", "dog/train"), "train is the name of a part|test is the name"),
    ],
)
def test_what_cannot_be_understood_is_named(
    tmp_path: Path, folders: tuple[str, ...], message: str
) -> None:
    _write(tmp_path, *folders)

    with pytest.raises(DataError, match=message):
        list_folder(tmp_path)


@pytest.mark.parametrize("level", ["person", "0", "7"])
def test_a_level_that_is_not_there(tmp_path: Path, level: str) -> None:
    _write(tmp_path, "cat/ann", "dog/ann")

    with pytest.raises(OptionError, match=f"`group_by` {level}"):
        list_folder(tmp_path, group_by=level)


def test_links_that_lead_in_circles_multiply_nothing(tmp_path: Path) -> None:
    _write(tmp_path / "data", "cat", "dog")
    _write(tmp_path, "elsewhere/bird")
    (tmp_path / "data/cat/up").symlink_to(tmp_path / "data", target_is_directory=True)
    (tmp_path / "data/dog/again").symlink_to(tmp_path / "data/cat", target_is_directory=True)
    (tmp_path / "data/bird").symlink_to(tmp_path / "elsewhere/bird", target_is_directory=True)

    listing = list_folder(tmp_path / "data")

    assert _counts(listing)["train"] == {"cat": 2, "dog": 2, "bird": 2}
    assert any("again" in note and "up" in note for note in listing.notes)


def test_links_that_lead_to_themselves_are_not_followed(tmp_path: Path) -> None:
    _write(tmp_path, "cat", "dog")
    (tmp_path / "cat/self").symlink_to("self")
    (tmp_path / "dog/one.png").symlink_to("two.png")
    (tmp_path / "dog/two.png").symlink_to("one.png")

    listing = list_folder(tmp_path)

    assert _counts(listing)["train"] == {"cat": 2, "dog": 2}
    assert any("self" in note and "one.png" in note for note in listing.notes)


def test_pipes_and_broken_links_are_never_opened(tmp_path: Path) -> None:
    _write(tmp_path, "cat", "dog")
    os.mkfifo(tmp_path / "cat/pipe.png")
    os.mkfifo(tmp_path / "cat/pipe")
    (tmp_path / "dog/gone.jpg").symlink_to(tmp_path / "nowhere.jpg")

    listing = list_folder(tmp_path)

    assert _counts(listing)["train"] == {"cat": 2, "dog": 2}
    assert {file.name for file in listing.irregular} == {"pipe.png", "gone.jpg"}


def test_an_image_without_an_ending_is_an_image(tmp_path: Path) -> None:
    _write(tmp_path, "cat", "dog")
    (tmp_path / "cat/0.png").rename(tmp_path / "cat/0")
    (tmp_path / "cat/1.png").rename(tmp_path / "cat/1.dat")

    assert _counts(list_folder(tmp_path))["train"] == {"cat": 2, "dog": 2}
