from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nas.data import load_data, load_test, standard_error, summarize_data
from tests.small_data import blobs

if TYPE_CHECKING:
    from pathlib import Path


def _imbalanced(path: Path, **arrays: Any) -> str:
    images = np.random.default_rng(0).integers(0, 256, (208, 16, 16), dtype=np.uint8)
    np.savez(path, images=images, labels=np.array([0] * 200 + [1] * 8), **arrays)
    return str(path)


def test_numbers_are_those_of_the_data(tmp_path: Path) -> None:
    path = _imbalanced(tmp_path / "imb.npz")

    said = summarize_data(load_data(path), test=load_test(path))

    assert (said.train, said.val, said.test) == (144, 29, 35)
    assert said.made == ("val", "test")
    assert (said.smallest_class, said.smallest_val) == ("1", 1)
    assert (said.most_frequent_class, said.most_frequent_share) == ("0", 28 / 29)
    assert said.standard_error == pytest.approx(standard_error(28 / 29, 29))
    assert said.duplicates == ()


def test_words_say_what_a_search_should_know(tmp_path: Path) -> None:
    said = summarize_data(load_data(_imbalanced(tmp_path / "imb.npz")))
    text = "\n".join(said.lines())

    for words in (
        "2 classes, images of 1x16x16; 144 to train, 29 to validate (val and test split off here)",
        "Always saying 0 is right for 96.6% of them",
        "has a standard error of 3.4 points",
        "Mirroring: no (not known",
        "Warning: 1 validation images of 1 tell little",
    ):
        assert words in text


def test_json_holds_all_of_it(tmp_path: Path) -> None:
    said = summarize_data(load_data(_imbalanced(tmp_path / "imb.npz")))

    assert json.loads(json.dumps(said.to_plain()))["most_frequent_share"] == 28 / 29


def test_images_that_are_in_two_parts_are_counted(tmp_path: Path) -> None:
    images, labels = blobs(48)
    np.savez(
        tmp_path / "a.npz",
        images=images,
        labels=labels,
        test_images=np.concatenate([images[:5], 255 - images[:7]]),
        test_labels=np.concatenate([labels[:5], labels[:7]]),
    )
    data, test = load_data(str(tmp_path / "a.npz")), load_test(str(tmp_path / "a.npz"))

    said = summarize_data(data, test=test)

    assert sum(count for parts, count in said.duplicates if parts.endswith("test")) == 5
    assert any("pixel by pixel" in line for line in said.lines())


def test_no_more_validation_images_than_a_search_takes(npz: Path) -> None:
    assert summarize_data(load_data(str(npz)), val_images=20).val == 20


def test_few_images_are_advised_to_be_split_more_often(npz: Path) -> None:
    data = load_data(str(npz))

    said, taken = summarize_data(data), summarize_data(data, folds=5)

    assert (len(data.train), said.val, said.advised_folds) == (333, 67, 5)
    assert said.advised_error == pytest.approx(said.standard_error / 5**0.5)
    [advice] = [line for line in said.lines() if "`folds` 5" in line]
    assert "validated on 335 images in all, with a standard error of 1.6 points" in advice
    assert taken.standard_error == pytest.approx(said.advised_error)
    assert not any("`folds`" in line for line in taken.lines())
    assert any(
        "the mean of 5 parts, has a standard error of 1.6" in line for line in taken.lines()
    )


def test_many_images_are_not(tmp_path: Path) -> None:
    images, labels = blobs(6_500, side=4)
    np.savez(tmp_path / "many.npz", images=images, labels=labels)

    said = summarize_data(load_data(str(tmp_path / "many.npz")))

    assert said.val > 900
    assert said.advised_folds is None
    assert not any("`folds`" in line for line in said.lines())


def test_standard_error_of_a_share() -> None:
    assert standard_error(0.5, 100) == pytest.approx(0.05)
    assert standard_error(1.0, 100) == 0
