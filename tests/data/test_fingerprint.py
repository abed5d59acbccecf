from __future__ import annotations

import json
import weakref
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from nas.data import (
    DataFingerprint,
    DataOptions,
    Images,
    _fingerprint,
    describe_change,
    fingerprint,
    load_data,
    load_test,
)
from nas.data import _array_file as array_file
from nas.data import _arrays as array_checks
from nas.data import _images as image_records
from nas.records import read_record
from tests.small_data import blobs

if TYPE_CHECKING:
    from pathlib import Path


def _of(path: Path, images: np.ndarray, labels: np.ndarray, **options: object) -> DataFingerprint:
    np.savez(path, images=images, labels=labels)
    return fingerprint(load_data(str(path), options=DataOptions(**options)))  # type: ignore[arg-type]


def test_the_same_data_have_the_same_fingerprint(tmp_path: Path) -> None:
    images, labels = blobs(48)
    first, again = (_of(tmp_path / name, images, labels) for name in ("a.npz", "b.npz"))

    assert first == again
    assert describe_change("a.npz", first, again) is None
    assert read_record(DataFingerprint, json.loads(json.dumps(asdict(first)))) == first


def test_what_has_changed_is_said(tmp_path: Path) -> None:
    images, labels = blobs(48)
    before = _of(tmp_path / "a.npz", images, labels)
    brighter, swapped = images.copy(), labels.copy()
    brighter[0, 0, 0] += 1
    swapped[:2] = swapped[1::-1]
    said = "base.npz is not what this search began with"
    for now, words in (
        (_of(tmp_path / "a.npz", brighter, labels), "as many images, but other ones"),
        (_of(tmp_path / "a.npz", images, swapped), "the same images, but with other labels or"),
        (
            _of(tmp_path / "a.npz", images[::-1], labels[::-1]),
            "as many images, but other ones or in another order",
        ),
        (_of(tmp_path / "a.npz", brighter, swapped), "as many images and labels, but other ones"),
        (_of(tmp_path / "a.npz", *blobs(52)), "48 images; now 52"),
    ):
        change = describe_change("base.npz", before, now)
        assert change is not None
        assert change.startswith(said)
        if "52" not in words:
            assert words.split(",")[1] in change


def test_another_shape_shows_even_where_it_is_resized_to_the_old_one(tmp_path: Path) -> None:
    images, labels = blobs(48)
    before = _of(tmp_path / "base.npz", images, labels, resolution=(16, 16), channels=1)
    colour = np.stack([images[:, :12, :12]] * 3, axis=-1)

    now = _of(tmp_path / "base.npz", colour, np.arange(48) % 3, resolution=(16, 16), channels=1)

    assert describe_change("base.npz", before, now) == (
        "base.npz is not what this search began with (1x16x16, 4 classes; now 3x12x12, 3 classes)"
    )


def test_test_images_count_where_both_have_looked_at_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=blobs(48)[0], labels=blobs(48)[1])
    data, test = load_data(str(tmp_path / "a.npz")), load_test(str(tmp_path / "a.npz"))
    turned = replace(test, labels=test.labels.flip(0))
    searched, before = fingerprint(data), fingerprint(data, test)

    assert describe_change("a.npz", searched, before) is None
    assert describe_change("a.npz", before, fingerprint(data, test.first(None))) is None
    for now, words in (
        (turned, "as many test images, but other ones or other labels"),
        (test.first(7), "8 test images; now 7"),
    ):
        assert describe_change("a.npz", before, before.with_test(now), what="training") == (
            f"a.npz is not what this training began with ({words})"
        )
    assert "test" not in (describe_change("b", searched, replace(before, images=1)) or "")


def test_test_images_beyond_memory_are_looked_at_a_batch_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = blobs(500)
    before = _of(tmp_path / "a.npz", images, labels)
    pixels = torch.from_numpy(images)[:, None]
    mapped = Images(pixels=pixels, labels=torch.from_numpy(labels), index=torch.arange(500))
    made: list[weakref.ref[torch.Tensor]] = []
    most, rows = [0], Images.rows

    def counted(one: Images, index: torch.Tensor) -> torch.Tensor:
        found = rows(one, index)
        made.append(weakref.ref(found))
        most.append(sum(known() is not None for known in made))
        return found

    monkeypatch.setattr(Images, "rows", counted)
    monkeypatch.setattr("nas.data._fingerprint._CHUNK_BYTES", 64 * images[0].nbytes)
    before.with_test(mapped)

    assert len(made) == 8
    assert max(most) <= 2


@pytest.mark.parametrize("whole_bytes", [2**31, 10_000])
def test_a_machine_with_less_memory_finds_the_same_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_bytes: int
) -> None:
    monkeypatch.setattr("nas.data._fingerprint._WHOLE_BYTES", whole_bytes)
    monkeypatch.setattr("nas.data._fingerprint._LARGE_IMAGES", 100)
    images, labels = blobs(480)
    here = _of(tmp_path / "a.npz", images, labels)
    for module in (array_file, array_checks, image_records):
        monkeypatch.setattr(module, "memory_budget", lambda: 10_000)
    data = load_data(str(tmp_path / "a.npz"))

    assert data.train.is_mapped
    assert fingerprint(data) == here


def test_of_very_many_images_those_at_even_distances_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.data._fingerprint._WHOLE_BYTES", 1_000)
    monkeypatch.setattr("nas.data._fingerprint._LARGE_IMAGES", 3)
    images, labels = blobs(480)
    pixels = torch.from_numpy(images)[:, None]
    looked = list(_fingerprint._pixels(Images(pixels=pixels, labels=torch.from_numpy(labels))))

    assert torch.equal(torch.cat(looked), pixels[[0, 239, 479]])
