from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nas.data import load_data, load_test
from nas.errors import DataError
from tests.small_data import blobs

if TYPE_CHECKING:
    from pathlib import Path


def _arrays(**changes: Any) -> dict[str, Any]:
    images, labels = blobs(48)
    arrays = {"images": images, "labels": labels, **changes}
    return {key: value for key, value in arrays.items() if value is not None}


def test_own_test_arrays_are_the_test_part(tmp_path: Path) -> None:
    images, labels = blobs(3, seed=1)
    path = tmp_path / "a.npz"
    np.savez(path, **_arrays(test_images=images, test_labels=labels))

    data, test = load_data(str(path)), load_test(str(path))

    assert (len(data.train), len(data.val), len(test)) == (40, 8, 3)
    assert np.array_equal(test.pixels[:, 0].numpy(), images)
    assert data.class_names == ("0", "1", "2", "3")


def test_without_test_arrays_no_seed_sees_the_test_part(npz: Path) -> None:
    test = {image.tobytes() for image in load_test(str(npz)).pixels.numpy()}

    assert len(test) == 80
    for seed in (0, 1):
        data = load_data(str(npz), seed=seed)
        assert (len(data.train), len(data.val)) == (333, 67)
        seen = {i.tobytes() for part in (data.train, data.val) for i in part.pixels.numpy()}
        assert len(seen) == 400
        assert not seen & test


def test_colour_channels_move_to_the_front(tmp_path: Path) -> None:
    images, labels = blobs(48)
    colour = np.stack([images, images // 2, images // 4], axis=-1)
    path = tmp_path / "a.npz"
    np.savez(path, images=colour, labels=labels)

    data = load_data(str(path))

    assert data.input_shape == (3, 16, 16)
    assert np.array_equal(data.val.pixels[:, 1].numpy(), data.val.pixels[:, 0].numpy() // 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": None}, "has the keys labels; a .npz file holds images"),
        ({"pictures": np.zeros(3)}, "has the keys images, labels, pictures"),
        ({"test_images": np.zeros((2, 16, 16), np.uint8)}, "has the keys images, labels, test_i"),
        ({"images": np.zeros((48, 16, 16))}, "images has dtype float64, not uint8"),
        ({"images": np.zeros((48, 9), np.uint8)}, r"images has shape \(48, 9\)"),
        ({"images": np.zeros((48, 3, 16, 16), np.uint8)}, r"images has shape \(48, 3, 16, 16\)"),
        ({"labels": np.zeros(48)}, "labels has dtype float64"),
        ({"labels": np.arange(47) % 4}, r"shape \(47,\) for 48 images"),
        ({"labels": np.arange(48) % 4 - 1}, "labels goes down to -1"),
        ({"labels": np.arange(48) * 10**9}, "labels go up to 47000000000 for 48"),
        ({"labels": np.arange(48) % 2 * 2}, "class 1 has 0 images"),
        ({"labels": np.zeros(48, int)}, "has a single class, 0"),
        ({"labels": np.arange(48) % 24}, "class . has . images to train"),
    ],
)
def test_bad_arrays_are_described(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, **_arrays(**changes))

    with pytest.raises(DataError, match=message) as caught:
        load_data(str(path))

    assert str(path) in str(caught.value)


def test_images_of_different_sizes_are_refused_without_unpickling(tmp_path: Path) -> None:
    images = np.empty(2, dtype=object)
    images[:] = [np.zeros((4, 4), np.uint8), np.zeros((5, 5), np.uint8)]
    np.savez(tmp_path / "bad.npz", images=images, labels=np.arange(2))

    with pytest.raises(DataError, match=r"images is an array of Python objects.*different sizes"):
        load_data(str(tmp_path / "bad.npz"))


@pytest.mark.parametrize(
    ("test_images", "test_labels", "message"),
    [
        (np.zeros((2, 9, 9), np.uint8), np.arange(2), r"test_images are \(1, 9, 9\)"),
        (np.zeros((6, 16, 16), np.uint8), np.full(6, 5), "test_labels go up to 5"),
        (np.zeros((2, 16, 16), np.int8), np.arange(2), "test_images has dtype int8"),
    ],
)
def test_test_arrays_must_match(
    tmp_path: Path, test_images: Any, test_labels: Any, message: str
) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, **_arrays(test_images=test_images, test_labels=test_labels))

    load_data(str(path))
    with pytest.raises(DataError, match=message):
        load_test(str(path))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"not a readable \.npz file"):
        load_data(str(path))


def test_a_single_array_under_the_name(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))

    with pytest.raises(DataError, match="a single array"):
        load_data(str(path))
