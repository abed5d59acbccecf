from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import RandAugment

from nas.train._rand_augment import OPERATIONS, _one_round, rand_augment

NAMES = (
    "ShearX ShearY TranslateX TranslateY Rotate Identity Brightness Color Contrast Sharpness "
    "Posterize Solarize AutoContrast Equalize"
)
THEIRS = dict(zip(OPERATIONS, NAMES.split(), strict=True))
STRENGTH = 0.3


def pixels(channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(256, (4, channels, 20, 20), generator=generator, dtype=torch.uint8)


def theirs(name: str, images: Tensor, sign: float) -> Tensor:
    """torchvision's operation with its own range, at a magnitude of 9 of 30."""
    transform = RandAugment()
    magnitudes, _ = transform._AUGMENTATION_SPACE[THEIRS[name]]
    values = magnitudes(31, 20, 20)
    magnitude = 0.0 if values is None else float(values[9])
    signed = magnitude * (sign if name not in ("posterize", "solarize") else 1)
    return transform._apply_image_or_video_transform(
        images, THEIRS[name], signed, interpolation=transform.interpolation, fill={Tensor: 0}
    )


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("name", OPERATIONS[5:])
def test_changes_of_colour_are_torchvisions(name: str, sign: float) -> None:
    images = pixels()
    drawn = torch.full((4,), OPERATIONS.index(name))

    ours = _one_round(images, drawn, torch.full((4,), sign), STRENGTH)

    gap = ours.int() - theirs(name, images, sign).int()
    assert gap.abs().max() <= 1  # a level is a float: rounding may fall to the other side


@pytest.mark.parametrize("name", OPERATIONS[:5])
def test_moves_are_as_strong_as_torchvisions(name: str) -> None:
    """Either way, as signs are drawn evenly; nearest pixels may differ along edges."""
    images = torch.zeros(1, 1, 20, 20, dtype=torch.uint8)
    images[:, :, 6:14, 6:14] = 200
    drawn = torch.tensor([OPERATIONS.index(name)])

    ours = [_one_round(images, drawn, torch.tensor([sign]), STRENGTH) for sign in (1.0, -1.0)]

    reference = theirs(name, images, 1.0)
    differing = min((one != reference).float().mean().item() for one in ours)
    assert differing < 0.06
    assert (ours[0] != images).float().mean() > differing


def test_each_image_has_an_operation_of_its_own() -> None:
    images = pixels()[:1].repeat(64, 1, 1, 1)

    changed = rand_augment(images, torch.Generator().manual_seed(1), ops=1, magnitude=15)

    kinds = {one.numpy().tobytes() for one in changed}
    assert len(kinds) > len(OPERATIONS) / 2


def test_one_channel_has_no_saturation_to_change() -> None:
    images = pixels(1)
    drawn = torch.full((4,), OPERATIONS.index("color"))

    assert torch.equal(_one_round(images, drawn, torch.ones(4), STRENGTH), images)


def test_a_strength_of_nought_changes_little() -> None:
    images = pixels()
    for number, name in enumerate(OPERATIONS):
        if name not in ("auto_contrast", "equalize", "solarize"):
            changed = _one_round(images, torch.full((4,), number), torch.ones(4), 0.0)
            assert (changed.int() - images.int()).abs().max() <= 1, name
    assert math.isclose(STRENGTH, 9 / 30)
