from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from nas.data import fold_of, load_data
from nas.errors import OptionError

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data import ImageData, Images


@pytest.fixture
def data(tmp_path: Path) -> ImageData:
    """60 images, each of a grey of its own, 45 of them of class 0."""
    pixels = np.arange(60, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2)
    np.savez(tmp_path / "greys.npz", images=pixels, labels=(np.arange(60) % 4) // 3)
    return load_data(str(tmp_path / "greys.npz"))


def greys(images: Images) -> set[int]:
    return set(images.pixels[:, 0, 0, 0].tolist())


def test_every_fold_validates_on_images_of_its_own(data: ImageData) -> None:
    count = 5
    folds = [fold_of(data, number, count) for number in range(count)]
    everything = greys(data.train) | greys(data.val)

    assert folds[0] is data
    for fold in folds:
        assert len(fold.val) == len(data.val)
        assert greys(fold.train) | greys(fold.val) == everything
        assert not greys(fold.train) & greys(fold.val)
        rare = float((fold.val.labels == 1).float().mean())
        assert rare == pytest.approx(0.25, abs=0.11)
    held = [greys(fold.val) for fold in folds]
    assert len(set().union(*held)) == sum(map(len, held))


def test_folds_are_the_same_every_time(data: ImageData) -> None:
    first, again = (fold_of(data, 3, 5) for _ in range(2))
    assert torch.equal(first.train.pixels, again.train.pixels)
    assert torch.equal(first.val.labels, again.val.labels)


def test_too_many_folds_are_refused(data: ImageData) -> None:
    most = 1 + len(data.train) // len(data.val)
    assert len(fold_of(data, most - 1, most).val) == len(data.val)
    with pytest.raises(OptionError, match=rf"`folds` {most + 1}.*write 1 to {most}"):
        fold_of(data, 0, most + 1)
