from __future__ import annotations

import torch

from nas.families.pixels.modules import Pixels


def test_each_pixel_has_logits_at_the_image_s_size() -> None:
    head = Pixels(8, 3, upsample=4)

    out = head(torch.rand(2, 8, 5, 6))

    assert out.shape == (2, 3, 20, 24)


def test_upsampling_is_smooth_and_keeps_what_is_constant() -> None:
    head = Pixels(2, 1, upsample=2)
    torch.nn.init.ones_(head.conv.weight)
    torch.nn.init.constant_(head.conv.bias, 0.5)  # type: ignore[arg-type]
    x = torch.zeros(1, 2, 2, 2)
    x[:, :, :, 1] = 1.0

    out = head(x)[0, 0]

    # Bilinear between pixel centres: 0.5 and 2.5, in between at a quarter and three quarters.
    assert out[0].tolist() == [0.5, 1.0, 2.0, 2.5]
