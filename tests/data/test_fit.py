from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from nas.data import DataOptions, Images, load_data, load_test
from nas.data._fit import fit_images, resize

if TYPE_CHECKING:
    from pathlib import Path


def test_the_size_asked_for_is_the_size_of_every_part(npz: Path) -> None:
    options = DataOptions(resolution=(8, 12), resize="stretch")

    data = load_data(str(npz), options=options)

    assert data.input_shape == (1, 8, 12)
    assert data.val.pixels.shape[1:] == load_test(str(npz), options=options).pixels.shape[1:]
    assert data.options.resolution == (8, 12)


def test_colour_becomes_grey_and_grey_colour() -> None:
    colour = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    images = Images(pixels=colour, labels=torch.zeros(1, dtype=torch.int64))

    grey = fit_images(images, DataOptions(channels=1))

    assert grey.pixels.unique().tolist() == [76]
    again = fit_images(grey, DataOptions(channels=3)).pixels
    assert again.shape == (1, 3, 4, 4)
    assert again.unique().tolist() == [76]


@pytest.mark.parametrize(
    ("how", "left", "middle"), [("crop", 200, 200), ("pad", 100, 200), ("stretch", 100, 200)]
)
def test_other_shapes(how: str, left: int, middle: int) -> None:
    pixels = torch.full((2, 1, 8, 24), 100, dtype=torch.uint8)
    pixels[..., 8:16] = 200

    out = resize(pixels, (8, 8), how)  # type: ignore[arg-type]

    assert out.shape == (2, 1, 8, 8)
    assert (out[0, 0, 4, 0], out[0, 0, 4, 4]) == (left, middle)
    assert (out[0, 0, 0, 4] == 0) == (how == "pad")
