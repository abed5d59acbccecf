from __future__ import annotations

import torch

from nas.data import Images
from nas.data._flip import probe_flip


def _images(pixels: torch.Tensor, labels: torch.Tensor) -> Images:
    return Images(pixels=pixels.clamp(0, 255).to(torch.uint8), labels=labels)


def _noise(count: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randint(60, 120, (count, 1, 12, 12)), torch.arange(count) % 2


def test_what_is_known_by_its_side_is_not_mirrored() -> None:
    pixels, labels = _noise()
    pixels[labels == 0, :, 3:9, :4] += 80
    pixels[labels == 1, :, 3:9, 8:] += 80

    flip, reason = probe_flip(_images(pixels, labels), 2)

    assert not flip
    assert reason == "a probe knows 100% of images and 0% of their mirror images"


def test_what_looks_alike_from_both_sides_is_mirrored() -> None:
    pixels, labels = _noise()
    pixels[labels == 0, :, :4] += 80
    pixels[labels == 1, :, 8:] += 80

    assert probe_flip(_images(pixels, labels), 2)[0]


def test_where_the_probe_learns_nothing_nothing_is_mirrored() -> None:
    flip, reason = probe_flip(_images(*_noise()), 2)

    assert not flip
    assert "say `flip`" in reason


def test_signals_are_not_mirrored() -> None:
    pixels, labels = _noise()

    assert probe_flip(_images(pixels[:, :, :1], labels), 2) == (False, "signals are not mirrored")
