"""Dense prediction: a head that gives a class to each pixel.

The simplest decoder, as in Fully Convolutional Networks (Long et al., 2015, section 3.2) -
https://arxiv.org/abs/1411.4038: classes at the last stage's resolution, brought to the image's
smoothly. The module is in `modules.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.components import Call, Count, Head, Slot, call


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelsHead(Head):
    """A pointwise convolution to the classes, then bilinear upsampling by `upsample`."""

    kind = "pixels"
    is_dense = True
    upsample: Count = 4
    """By what factor; the product of all strides gives the image's own size."""

    def call(self, slot: Slot) -> Call:
        """Pixels."""
        return call(
            "Pixels",
            in_channels=slot.in_channels,
            num_classes=slot.out_channels,
            upsample=self.upsample,
        )
