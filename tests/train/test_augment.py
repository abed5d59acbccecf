from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nas.train._augment import Normalizer, augment, resized


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def _images(*shape: int) -> Tensor:
    return torch.randint(1, 256, shape, generator=_generator(), dtype=torch.uint8)


def _one_by_one(pixels: Tensor, flip: bool) -> Tensor:
    """Each image by itself, pixel by pixel, from the documented draws."""
    generator = _generator()
    batch, _, height, width = pixels.shape
    pad = height // 8
    offsets = torch.randint(2 * pad + 1, (2, batch), generator=generator)
    coins = torch.rand(batch, generator=generator) if flip else torch.ones(batch)
    result = torch.zeros_like(pixels)
    for image in range(batch):
        for row in range(height):
            for column in range(width):
                source_row = row + int(offsets[0, image]) - pad
                from_column = width - 1 - column if coins[image] < 0.5 else column
                source_column = from_column + int(offsets[1, image]) - pad
                if 0 <= source_row < height and 0 <= source_column < width:
                    result[image, :, row, column] = pixels[image, :, source_row, source_column]
    return result


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("shape", [(20, 1, 16, 16), (12, 3, 8, 12)])
def test_equals_a_loop_over_single_images(shape: tuple[int, ...], flip: bool) -> None:
    pixels = _images(*shape)

    assert torch.equal(augment(pixels, _generator(), flip=flip), _one_by_one(pixels, flip))


def test_follows_its_generator_and_moves_on() -> None:
    pixels, generator = _images(30, 1, 16, 16), _generator()

    first, second = (augment(pixels, generator, flip=True) for _ in range(2))

    assert torch.equal(first, augment(pixels, _generator(), flip=True))
    assert not torch.equal(first, second)


def test_does_not_touch_its_input() -> None:
    pixels = _images(5, 1, 16, 16)
    before = pixels.clone()

    augment(pixels, _generator(), flip=True)

    assert torch.equal(pixels, before)


def test_normalizing_gives_zero_mean_and_unit_deviation() -> None:
    pixels = torch.tensor([[0, 255], [0, 255]], dtype=torch.uint8).view(1, 1, 2, 2)

    normal = Normalizer((0.5,), (0.5,), torch.device("cpu"))(pixels)

    assert normal.flatten().tolist() == pytest.approx([-1, 1, -1, 1])
    assert normal.dtype == torch.float32


def test_normalizing_goes_channel_by_channel() -> None:
    pixels = torch.full((1, 2, 1, 1), 51, dtype=torch.uint8)  # 0.2

    normal = Normalizer((0.2, 0.0), (1.0, 0.1), torch.device("cpu"))(pixels)

    assert normal.flatten().tolist() == pytest.approx([0.0, 2.0], abs=1e-6)


def test_resizing_halves_by_a_smooth_filter_and_keeps_what_fits() -> None:
    pixels = _images(3, 1, 28, 28)
    flat = torch.full((1, 1, 28, 28), 200, dtype=torch.uint8)

    assert resized(pixels, None) is pixels
    assert resized(pixels, 28) is pixels
    assert resized(pixels, 14).shape == (3, 1, 14, 14)
    assert resized(flat, 14).unique().tolist() == [200]
