from __future__ import annotations

import pytest
import torch

from nas.data import Images
from nas.data import _images as module
from nas.data._images import channel_stats


def _images(pixels: torch.Tensor) -> Images:
    return Images(pixels=pixels, labels=torch.zeros(len(pixels), dtype=torch.int64))


def test_statistics_equal_those_of_a_float_copy() -> None:
    pixels = torch.randint(256, (50, 3, 5, 4), dtype=torch.uint8)
    floats = pixels.double() / 255

    mean, std = channel_stats(_images(pixels))

    assert mean == pytest.approx(floats.mean((0, 2, 3)).tolist())
    assert std == pytest.approx(floats.std((0, 2, 3), correction=0).tolist())


def test_a_constant_channel_can_still_be_divided_by() -> None:
    assert channel_stats(_images(torch.full((2, 1, 3, 3), 7, dtype=torch.uint8)))[1] == (1 / 255,)


def test_first_takes_a_prefix_or_everything() -> None:
    images = Images(pixels=torch.zeros(5, 1, 2, 2, dtype=torch.uint8), labels=torch.arange(5))

    assert images.first(3).labels.tolist() == [0, 1, 2]
    assert len(images.first(None)) == len(images.first(99)) == 5
    assert images.pick(torch.tensor([4, 0])).labels.tolist() == [4, 0]


def test_statistics_of_floats_are_those_of_numpy() -> None:
    pixels = torch.randn(50, 2, 5, 4) * 30 - 7

    mean, std = channel_stats(_images(pixels * 255))

    assert mean == pytest.approx(pixels.double().mean((0, 2, 3)).tolist())
    assert std == pytest.approx(pixels.double().std((0, 2, 3), correction=0).tolist())
    assert channel_stats(_images(torch.full((2, 1, 3, 3), 51.0))) == ((0.2,), (1 / 255,))


def test_mapped_images_are_read_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1).expand(6, 1, 4, 4)
    mapped = Images(pixels=pixels, labels=torch.arange(4), index=torch.tensor([5, 4, 1, 0]))

    assert mapped.rows(torch.tensor([0, 2]))[:, 0, 0, 0].tolist() == [5, 1]
    assert mapped.pick(torch.tensor([3, 1])).rows(torch.arange(2))[:, 0, 0, 0].tolist() == [0, 4]
    assert not mapped.first(3).is_mapped
    assert mapped.first(3).pixels[:, 0, 0, 0].tolist() == [5, 4, 1]
    monkeypatch.setattr(module, "memory_budget", lambda: 40)
    assert mapped.first(3).is_mapped
    assert len(mapped.first(3)) == 3
    assert not mapped.first(2).is_mapped
