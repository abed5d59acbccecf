from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nas.data import DataOptions, load_data, load_test, write_scenes
from nas.errors import OptionError
from tests.small_data import blobs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A bright square in one of four places, on black; test pictures are brighter."""
    images, labels = blobs(48)
    bright = np.where(images > 100, 100 + labels[:, None, None], 0).astype(np.uint8)
    np.savez(
        tmp_path / "squares.npz",
        images=bright,
        labels=labels,
        test_images=np.where(bright > 0, bright + 100, 0).astype(np.uint8),
        test_labels=labels,
    )
    return tmp_path / "squares.npz"


def test_scenes_are_data_for_segmentation(pictures: Path, tmp_path: Path) -> None:
    counts = write_scenes(tmp_path / "scenes.npz", of=str(pictures), scenes=30, side=24)
    options = DataOptions(task="segmentation")

    data, test = (
        load(str(tmp_path / "scenes.npz"), options=options) for load in (load_data, load_test)
    )

    assert counts == (30, 6) == (len(data.train) + len(data.val), len(test))
    assert data.class_names == ("background", "0", "1", "2", "3")
    assert data.input_shape == (1, 24, 24)
    # Each picture's grey tells its class.
    pixels, masks = data.train.pixels[:, 0].int(), data.train.labels.int()
    assert (pixels[masks > 0] == 99 + masks[masks > 0]).all()
    assert (pixels[masks == 0] < 48).all()


def test_test_scenes_are_of_test_pictures_alone(pictures: Path, tmp_path: Path) -> None:
    write_scenes(tmp_path / "scenes.npz", of=str(pictures), scenes=30, side=24)

    test = load_test(str(tmp_path / "scenes.npz"), options=DataOptions(task="segmentation"))

    assert test.pixels[:, 0][test.labels > 0].min() >= 200


def test_the_same_seed_gives_the_same_scenes(pictures: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_scenes(tmp_path / f"{name}.npz", of=str(pictures), scenes=5, side=20, seed=seed)
    a, b, c = (np.load(tmp_path / f"{name}.npz")["images"] for name in "abc")

    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_pictures_must_fit(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"`side` 12.*has pictures of 1x16x16"):
        write_scenes(tmp_path / "scenes.npz", of=str(pictures), side=12)
