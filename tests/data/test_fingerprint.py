from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from nas.data import DataFingerprint, DataOptions, describe_change, fingerprint, load_data
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
        (_of(tmp_path / "a.npz", images, swapped), "as many images and labels, but other ones"),
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
