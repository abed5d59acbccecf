from __future__ import annotations

import shutil
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets.folder import IMG_EXTENSIONS

from nas.data import DataOptions, load_data, load_test
from nas.data._tree import IMAGE_SUFFIXES
from nas.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data import Images

AT_8 = DataOptions(resolution=(8, 8))
GREYS = {"dark": 40, "light": 200}


def _write(folder: Path, per_class: int, *, size: tuple[int, int] = (20, 12)) -> None:
    """Flat images, each of a grey of its own near its class's."""
    for name, grey in GREYS.items():
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            Image.new("L", size, grey + number).save(folder / name / f"{number:02}.png")


def test_every_kind_of_file_that_torchvision_reads_counts_as_an_image() -> None:
    assert set(IMG_EXTENSIONS) < set(IMAGE_SUFFIXES)


def test_folder_of_classes_is_resized_and_split(tmp_path: Path) -> None:
    _write(tmp_path / "flat", 18)
    shutil.copy(tmp_path / "flat/dark/00.png", tmp_path / "flat/dark/00.jpeg")
    (tmp_path / "flat/dark/00.jpeg").unlink()

    data = load_data(str(tmp_path / "flat"), options=AT_8)
    test = load_test(str(tmp_path / "flat"), options=AT_8)

    assert data.input_shape == (1, 8, 8)
    assert data.class_names == ("dark", "light")
    assert (len(data.train), len(data.val), len(test)) == (25, 5, 6)
    greys = [p.pixels[:, 0, 0, 0].tolist() for p in (data.train, data.val, test)]
    assert sorted(chain(*greys)) == [*range(40, 58), *range(200, 218)]
    assert data.flip


def test_sides_are_cut_off_evenly(tmp_path: Path) -> None:
    _write(tmp_path / "flat", 6)
    wide = np.zeros((8, 24), np.uint8)
    wide[:, 8:16] = 77
    for file in (tmp_path / "flat").rglob("*.png"):
        Image.fromarray(wide).save(file)

    assert load_data(str(tmp_path / "flat"), options=AT_8).train.pixels.unique().tolist() == [77]


def test_own_test_folder_is_the_test_part(tmp_path: Path) -> None:
    _write(tmp_path / "parts/train", 12)
    _write(tmp_path / "parts/test", 2)

    data, test = (load(str(tmp_path / "parts"), options=AT_8) for load in (load_data, load_test))

    assert (len(data.train), len(data.val), len(test)) == (20, 4, 4)


def test_train_val_and_test_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    for name, count in (("train", 5), ("val", 2), ("test", 3)):
        _write(tmp_path / "parts" / name, count)

    data, test = (load(str(tmp_path / "parts"), options=AT_8) for load in (load_data, load_test))

    assert (len(data.train), len(data.val), len(test)) == (10, 4, 6)


def test_own_val_folder_is_the_validation_part_and_test_is_split_off(tmp_path: Path) -> None:
    _write(tmp_path / "parts/train", 12)
    _write(tmp_path / "parts/val", 2)

    data, test = (load(str(tmp_path / "parts"), options=AT_8) for load in (load_data, load_test))

    assert (len(data.train), len(data.val), len(test)) == (20, 4, 4)
    assert data.split is not None
    assert data.split.made == ("test",)
    assert data.split.val == [f"val/{c}/{n:02}.png" for c, n in _shown(data.val)]
    assert not set(data.split.train) & set(data.split.test)


def _shown(images: Images) -> list[tuple[str, int]]:
    greys = images.pixels[:, 0, 0, 0].tolist()
    return [("light", g - 200) if g >= 200 else ("dark", g - 40) for g in greys]


def test_a_train_folder_alone_is_split_like_a_flat_one(tmp_path: Path) -> None:
    _write(tmp_path / "parts/train", 18)

    assert len(load_test(str(tmp_path / "parts"), options=AT_8)) == 6


def test_loading_never_opens_a_test_image(tmp_path: Path) -> None:
    _write(tmp_path / "parts/train", 6)
    _write(tmp_path / "parts/test", 2)
    damaged = tmp_path / "parts/test/dark/01.png"
    damaged.write_bytes(b"no image")

    load_data(str(tmp_path / "parts"), options=AT_8)
    with pytest.raises(DataError, match=r"01\.png: not a readable image"):
        load_test(str(tmp_path / "parts"), options=AT_8)


def test_truncated_image_is_named(tmp_path: Path) -> None:
    _write(tmp_path / "flat", 6, size=(64, 64))
    for file in (tmp_path / "flat/light").iterdir():
        file.write_bytes(file.read_bytes()[:60])

    with pytest.raises(DataError, match=r"light.*\.png: not a readable image"):
        load_data(str(tmp_path / "flat"), options=AT_8)


def test_empty_class_is_named(tmp_path: Path) -> None:
    _write(tmp_path / "flat", 6)
    (tmp_path / "flat/empty").mkdir()

    with pytest.raises(DataError, match=r"empty: holds no image .*no class may be empty"):
        load_data(str(tmp_path / "flat"))


def test_folder_without_classes(tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()

    with pytest.raises(DataError, match=r"no class folder.*one subfolder of images per class"):
        load_data(str(tmp_path / "flat"))


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    _write(tmp_path / "flat", 6)
    shutil.rmtree(tmp_path / "flat/dark")

    with pytest.raises(DataError, match="has a single class, light"):
        load_data(str(tmp_path / "flat"), options=AT_8)


def test_test_folder_with_other_classes(tmp_path: Path) -> None:
    _write(tmp_path / "parts/train", 6)
    _write(tmp_path / "parts/test", 2)
    (tmp_path / "parts/test/light").rename(tmp_path / "parts/test/bright")

    with pytest.raises(
        DataError, match="the test part has classes that the training part has not: bright"
    ):
        load_test(str(tmp_path / "parts"), options=AT_8)
