from __future__ import annotations

import re
import resource
import time
import zipfile
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from nas.data import DataOptions, load_data, load_test
from nas.data import _array_file as array_file
from nas.data import _arrays as array_checks
from nas.data import _images as image_records
from nas.errors import DataError, OptionError
from tests.small_data import blobs

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        ({"images": np.full((48, 16, 16), "a")}, "images has dtype <U1, no numbers"),
        ({"images": np.full((48, 4, 4), np.nan)}, r"images\[0\] has values that are NaN"),
        ({"images": np.zeros((48, 9), np.uint8)}, r"images has shape \(48, 9\)"),
        ({"images": np.zeros((48, 3, 16, 16), np.uint8)}, r"images has shape \(48, 3, 16, 16\)"),
        ({"labels": np.zeros(48)}, "labels has dtype float64"),
        ({"labels": np.arange(47) % 4}, "labels has 47 labels for 48 images"),
        ({"labels": np.arange(48) % 4 - 1}, "labels goes down to -1"),
        ({"labels": np.arange(48) * 10**9}, "labels go up to 47000000000 for 48"),
        (
            {"labels": np.arange(48, dtype=np.uint64) + np.uint64(2**63)},
            "labels go up to 92233720",
        ),
        ({"order": "HWCN"}, "order is 'HWCN'; write NHWC or NCHW"),
        ({"class_names": np.array(["a"])}, "labels go up to 3 for 1 class_names"),
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
        (np.zeros((2, 16, 16), np.int8), np.arange(2), "test_images are of another type"),
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


def test_own_validation_arrays_are_the_validation_part(tmp_path: Path) -> None:
    images, labels = blobs(8, seed=1)
    path = tmp_path / "a.npz"
    np.savez(path, **_arrays(val_images=images, val_labels=labels))

    data, test = load_data(str(path)), load_test(str(path))

    assert (len(data.train), len(data.val), len(test)) == (40, 8, 8)
    assert sorted(data.val.pixels.flatten(1).sum(1).tolist()) == sorted(
        images.reshape(8, -1).sum(1).tolist()
    )
    assert data.split is not None
    assert data.split.made == ("test",)


@pytest.mark.parametrize("names", ["{}_images {}_labels", "x_{} y_{}"])
def test_the_names_of_medmnist_and_keras(tmp_path: Path, names: str) -> None:
    images, labels = blobs(48)
    arrays = {}
    for part in ("train", "test"):
        image_name, label_name = names.format(part, part).split()
        arrays |= {image_name: images, label_name: labels[:, None]}
    np.savez(tmp_path / "a.npz", **arrays)

    assert load_data(str(tmp_path / "a.npz")).num_classes == 4
    assert len(load_test(str(tmp_path / "a.npz"))) == 48


def test_any_number_of_channels_first_or_last(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (24, 5, 9, 7), dtype=np.uint8)
    labels = np.arange(24) % 2
    np.savez(tmp_path / "first.npz", images=images, labels=labels, order="NCHW")
    np.savez(tmp_path / "last.npz", images=images.transpose(0, 2, 3, 1), labels=labels)

    first, last = (load_data(str(tmp_path / f"{name}.npz")) for name in ("first", "last"))

    assert first.input_shape == last.input_shape == (5, 9, 7)
    assert first.train.pixels.equal(last.train.pixels)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int16", ">f4"])
def test_floats_and_signed_numbers_are_normalised_as_they_are(tmp_path: Path, dtype: str) -> None:
    images = (np.random.default_rng(0).normal(-40, 12, (60, 40, 100))).astype(dtype)
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(60) % 3)

    data = load_data(str(tmp_path / "a.npz"))

    assert data.input_shape == (1, 40, 100)
    assert not data.bounded
    assert data.mean[0] * 255 == pytest.approx(-40, abs=1)
    assert data.std[0] * 255 == pytest.approx(12, abs=1)


def test_sixteen_bits_are_divided_by_their_maximum(tmp_path: Path) -> None:
    images, labels = blobs(48)
    np.savez(tmp_path / "a.npz", images=images.astype(np.uint16) * 257, labels=labels)
    np.savez(tmp_path / "b.npz", images=images, labels=labels)

    deep, plain = (load_data(str(tmp_path / name)) for name in ("a.npz", "b.npz"))

    assert deep.mean == pytest.approx(plain.mean)
    assert deep.std == pytest.approx(plain.std)
    assert deep.bounded
    assert deep.train.pixels.max() <= 255


def test_truth_values_are_black_and_white(tmp_path: Path) -> None:
    images, labels = blobs(48)
    np.savez(tmp_path / "a.npz", images=images > 100, labels=labels)

    assert load_data(str(tmp_path / "a.npz")).train.pixels.unique().tolist() == [0, 255]


def test_labels_may_be_names(tmp_path: Path) -> None:
    names = np.array(["up", "down", "left", "right"])
    np.savez(tmp_path / "a.npz", **_arrays(labels=names[np.arange(48) % 4]))
    np.savez(tmp_path / "b.npz", **_arrays(class_names=names))

    assert load_data(str(tmp_path / "a.npz")).class_names == ("down", "left", "right", "up")
    assert load_data(str(tmp_path / "b.npz")).class_names == tuple(names)


def test_an_array_of_groups(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **_arrays(person=np.arange(48) // 6))
    options = DataOptions(group_by="person")

    data, test = (
        load(str(tmp_path / "a.npz"), options=options) for load in (load_data, load_test)
    )

    assert data.split is not None
    people = [{int(row) // 6 for row in rows} for rows in (data.split.train, data.split.val)]
    assert not people[0] & people[1]
    assert len(data.train) + len(data.val) + len(test) == 48
    with pytest.raises(OptionError, match="`group_by` device: no such array"):
        load_data(str(tmp_path / "a.npz"), options=DataOptions(group_by="device"))


def _claim(path: Path, shape: tuple[int, ...], content: bytes) -> None:
    """An archive whose images say they have `shape`, but are `content`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(
                member, {"descr": "|u1", "fortran_order": False, "shape": shape}
            )
            member.write(content)
        with archive.open("labels.npy", "w") as member:
            np.lib.format.write_array(member, np.arange(48) % 4)


def test_a_file_that_claims_more_than_it_holds_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _claim(tmp_path / "bomb.npz", (48, 10**5, 2 * 10**5), bytes(2**22))
    monkeypatch.setattr(array_file, "read_array", lambda *_: pytest.fail("read"))

    with pytest.raises(DataError, match=r"images says it is 48x100000x200000 of uint8, 960,000"):
        load_data(str(tmp_path / "bomb.npz"))


def test_one_byte_over_and_over_is_refused_unread_however_it_was_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = np.zeros((48, 256, 256), np.uint8)
    with (
        zipfile.ZipFile(
            tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1
        ) as archive,
        archive.open("images.npy", "w") as member,
    ):
        np.lib.format.write_array(member, content)
    monkeypatch.setattr(array_file, "_SUSPICIOUS_BYTES", 2**20)
    monkeypatch.setattr(array_file, "read_array", lambda *_: pytest.fail("read"))

    with pytest.raises(DataError, match=r"unpack to 3,145,\d+ at most: no images"):
        load_data(str(tmp_path / "bomb.npz"))


def test_what_unpacks_to_more_than_memory_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = blobs(48)
    np.savez_compressed(tmp_path / "a.npz", images=images, labels=labels)
    monkeypatch.setattr(array_file, "memory_budget", lambda: 1_000)

    with pytest.raises(DataError, match=r"12,288 bytes, more than fit.*np\.savez \(not"):
        load_data(str(tmp_path / "a.npz"))


def test_large_files_are_mapped_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = blobs(480)
    colour = np.stack([images, images // 2, images // 4], axis=-1)
    np.savez(tmp_path / "a.npz", images=colour, labels=labels)
    expected, expected_test = (
        load_data(str(tmp_path / "a.npz")),
        load_test(str(tmp_path / "a.npz")),
    )
    for module in (array_file, array_checks, image_records):
        monkeypatch.setattr(module, "memory_budget", lambda: 100_000)

    data, test = load_data(str(tmp_path / "a.npz")), load_test(str(tmp_path / "a.npz"))

    assert data.train.is_mapped and data.val.is_mapped and test.is_mapped
    assert data.input_shape == (3, 16, 16)
    assert (data.mean, data.std) == (expected.mean, expected.std)
    assert data.train.first(60).pixels.equal(expected.train.pixels[:60])
    assert test.rows(torch.arange(9)).equal(expected_test.pixels[:9])


@pytest.mark.slow
def test_twenty_gigabytes_take_no_memory(tmp_path: Path) -> None:
    """The file is sparse: a disk of any size can hold it, no memory could."""
    path = tmp_path / "large.npz"
    count, side = 20_000, 1_000
    _sparse_npz(path, count, side)
    started = time.process_time()

    with _at_most_more_bytes(2 * 10**9):
        data = load_data(str(path))
        few = data.train.first(32)

    assert data.train.is_mapped
    assert few.pixels.shape == (32, 1, side, side)
    assert time.process_time() - started < 60


def test_only_the_rows_asked_for_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is told of random order; it read 8 MB with every image of 28 kB otherwise."""
    images, labels = blobs(480)
    path = tmp_path / "rows.npz"
    np.savez(path, images=images, labels=labels)
    for module in (array_file, array_checks, image_records):
        monkeypatch.setattr(module, "memory_budget", lambda: 10_000)

    data = load_data(str(path))

    assert data.train.is_mapped
    maps = Path("/proc/self/smaps").read_text().split("VmFlags:")
    flags = [after.splitlines()[0].split() for said, after in pairwise(maps) if str(path) in said]
    assert flags
    assert all("rr" in one for one in flags)


def test_the_limit_of_bytes_is_one() -> None:
    with pytest.raises(MemoryError), _at_most_more_bytes(2 * 10**9) as most:
        np.ones(most, np.uint8)


def _sparse_npz(path: Path, count: int, side: int) -> None:
    """As np.savez writes it, with a hole where the images are."""
    labels = path.with_suffix(".labels.npz")
    np.savez(labels, labels=np.arange(count) % 4)
    nothing = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (count, side, side), (0,) * 3)
    size = nothing.nbytes
    with path.open("wb") as file, zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(
                member, {"descr": "|u1", "fortran_order": False, "shape": nothing.shape}
            )
            # Zeros are skipped on disk, and their checksum is not wanted.
            member._crc = 0
            file.seek(size, 1)
            member._file_size += size
            member._compress_size = member._file_size
        with archive.open("labels.npy", "w") as member:
            np.lib.format.write_array(member, np.arange(count) % 4)


@contextmanager
def _at_most_more_bytes(limit: int) -> Iterator[int]:
    """Allocations beyond the limit are a MemoryError; pages of mapped files do not count.

    Yields all bytes that the process may have, of which what it has freed is a part.
    """
    before = resource.getrlimit(resource.RLIMIT_DATA)
    [held_kb] = re.findall(r"VmData:\s+(\d+) kB", Path("/proc/self/status").read_text())
    most = int(held_kb) * 1024 + limit
    resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
    try:
        yield most
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
