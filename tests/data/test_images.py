from __future__ import annotations

import pytest
import torch

from nas.data import Images
from nas.data._images import channel_stats


def test_statistics_equal_those_of_a_float_copy() -> None:
    pixels = torch.randint(256, (50, 3, 5, 4), dtype=torch.uint8)
    floats = pixels.double() / 255

    mean, std = channel_stats(pixels)

    assert mean == pytest.approx(floats.mean((0, 2, 3)).tolist())
    assert std == pytest.approx(floats.std((0, 2, 3), correction=0).tolist())


def test_a_constant_channel_can_still_be_divided_by() -> None:
    assert channel_stats(torch.full((2, 1, 3, 3), 7, dtype=torch.uint8))[1] == (1 / 255,)


def test_first_takes_a_prefix_or_everything() -> None:
    images = Images(pixels=torch.zeros(5, 1, 2, 2, dtype=torch.uint8), labels=torch.arange(5))

    assert images.first(3).labels.tolist() == [0, 1, 2]
    assert len(images.first(None)) == len(images.first(99)) == 5
    assert images.pick(torch.tensor([4, 0])).labels.tolist() == [4, 0]
