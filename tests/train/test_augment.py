from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nas.train import Augmentation, RandAugment, resized
from nas.train._augment import Augmenter, Normalizer, erase, rotate


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def _images(*shape: int) -> Tensor:
    return torch.randint(1, 256, shape, generator=_generator(), dtype=torch.uint8)


def _shifted(pixels: Tensor, generator: torch.Generator, flip: bool) -> Tensor:
    recipe = Augmentation(crop=0.125, flip=flip)
    return Augmenter(recipe, generator, (0.5,) * pixels.shape[1], flip=True)(pixels)


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

    assert torch.equal(_shifted(pixels, _generator(), flip), _one_by_one(pixels, flip))


def test_a_signal_of_one_row_is_shifted_along_it_alone() -> None:
    signal = _images(40, 2, 1, 64)

    moved = _shifted(signal, _generator(), False)

    assert moved.shape == signal.shape
    lost = (moved == 0).sum((1, 2, 3))
    assert int(lost.max()) == 2 * 64 // 8, "two channels, an eighth of the length at most"
    assert len(lost.unique()) > 2


def test_wide_images_are_shifted_by_the_share_of_each_side() -> None:
    moved = _shifted(_images(200, 1, 8, 32), _generator(), False)

    rows, columns = ((moved == 0).all(dim).sum(-1).max() for dim in (3, 2))
    assert (int(rows), int(columns)) == (1, 4)


def test_follows_its_generator_and_moves_on() -> None:
    pixels, generator = _images(30, 1, 16, 16), _generator()

    first, second = (_shifted(pixels, generator, True) for _ in range(2))

    assert torch.equal(first, _shifted(pixels, _generator(), True))
    assert not torch.equal(first, second)


def test_does_not_touch_its_input() -> None:
    pixels = _images(5, 1, 16, 16)
    before = pixels.clone()

    _shifted(pixels, _generator(), True)

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


def test_nothing_asked_for_changes_nothing() -> None:
    pixels = _images(5, 3, 16, 16)

    assert (
        Augmenter(Augmentation(flip=False), _generator(), (0.5,) * 3, flip=True)(pixels) is pixels
    )
    assert Augmenter(Augmentation(), _generator(), (0.5,) * 3, flip=False)(pixels) is pixels


def test_a_quarter_turn_is_a_quarter_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = _images(2, 3, 9, 9)
    monkeypatch.setattr(torch, "rand", lambda count, generator: torch.tensor([1.0, 0.5]))

    turned = rotate(pixels, _generator(), degrees=90)

    quarter = [torch.equal(turned[0], pixels[0].rot90(k, (1, 2))) for k in (1, -1)]
    assert any(quarter)
    assert torch.equal(turned[1], pixels[1])


def test_small_rotations_of_wide_images_move_no_pixel_far() -> None:
    pixels = torch.zeros(200, 1, 8, 32, dtype=torch.uint8)
    pixels[:, :, 3:5, 14:18] = 255

    turned = rotate(pixels, _generator(), degrees=10)

    assert (turned.float().sum((1, 2, 3)) > 0).all()
    assert turned[:, :, :2].sum() == turned[:, :, 6:].sum() == 0


def test_erasing_takes_a_rectangle_of_the_mean_colour_from_its_share_of_images() -> None:
    pixels = torch.zeros(2_000, 2, 16, 16, dtype=torch.uint8)
    fill = torch.tensor([50, 60], dtype=torch.uint8)

    erased = erase(pixels, _generator(), share=0.25, area=0.4, fill=fill)

    gone = erased[:, 0] == 50
    assert torch.equal(gone, erased[:, 1] == 60)
    assert erased[~gone[:, None].expand_as(erased)].sum() == 0
    lost = gone.float().mean((1, 2))
    assert (lost > 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert lost.max() < 0.5
    for image in gone[lost > 0][:50]:
        rows, columns = image.any(1), image.any(0)
        assert torch.equal(image, rows[:, None] & columns[None])


def test_numbers_of_any_kind_are_moved_and_erased_alike() -> None:
    recipe = Augmentation(crop=0.2, rotation=20, erasing=1.0)
    pixels = _images(10, 2, 16, 16)

    whole, real = (
        Augmenter(recipe, _generator(), (0.2, 0.4), flip=True)(one)
        for one in (pixels, pixels.float())
    )

    assert real.dtype == torch.float32
    assert torch.equal(whole.float(), real)


def test_every_step_of_a_recipe_repeats_from_its_generator() -> None:
    recipe = Augmentation(crop=0.1, rotation=15, rand_augment=RandAugment(), erasing=0.5)
    pixels = _images(40, 3, 16, 16)

    one, other = (Augmenter(recipe, _generator(), (0.5,) * 3, flip=True)(pixels) for _ in range(2))

    assert torch.equal(one, other)
    assert one.dtype == torch.uint8
    assert not torch.equal(one, pixels)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_normalizing_leaves_the_pixels_as_they_are(dtype: torch.dtype) -> None:
    pixels = _images(3, 1, 4, 4).to(dtype)
    before = pixels.clone()

    Normalizer((0.2,), (0.1,), torch.device("cpu"))(pixels[:2])

    assert torch.equal(pixels, before)
