"""Dense prediction: a value for every pixel.

Papers: U-Net - https://arxiv.org/abs/1505.04597 (figure 1: skips are concatenated);
LR-ASPP of MobileNetV3 - https://arxiv.org/abs/1905.02244 (section 6.4). Dilation, which keeps
resolution in a trunk, is an option of `conv` and `separable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from nas.components import (
    ACTIVATIONS,
    MAX_COUNT,
    Block,
    Bounds,
    Call,
    Head,
    Probability,
    Slot,
    Transition,
    call,
)

Factor = Annotated[int, Bounds(1, 32)]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsampleTransition(Transition):
    """Bilinear upsampling, and a 1x1 convolution to the stage's width."""

    kind = "upsample"
    factor: Factor = 2
    """By how much height and width grow."""

    def call(self, slot: Slot) -> Call:
        """Upsample, or its convolution alone; a stage that is entered so does not stride."""
        if slot.strides != 1:
            raise slot.refuse(
                "upsample does not stride",
                f"stride {slot.stride}: upsample makes the map larger by its factor; leave the "
                "stage's stride at 1",
            )
        if self.factor == 1:
            return _conv(slot, slot.in_channels, slot.out_channels, kernel=1)
        return call(
            "Upsample",
            in_channels=slot.in_channels,
            out_channels=slot.out_channels,
            factor=self.factor,
            activation=ACTIVATIONS[slot.activation],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unet(Block):
    """A whole encoder and decoder with skips, as one block that keeps its shape."""

    kind = "unet"
    levels: Annotated[int, Bounds(1, 6)] = 2
    """How often the map is halved, and brought back."""
    growth: Annotated[float, Bounds(1, 4)] = 2.0
    """Channels of a level as a multiple of those of the level above."""

    def call(self, slot: Slot) -> Call:
        """UnetLevel within UnetLevel; the innermost is a convolution."""
        slot.require_same_shape(self.kind)
        widths = [int(slot.in_channels * self.growth**level) for level in range(self.levels + 1)]
        inner = _conv(slot, widths[-2], widths[-1])
        for level in reversed(range(self.levels)):
            above = widths[level - 1] if level else slot.in_channels
            inner = call(
                "UnetLevel",
                encode=_conv(slot, above, widths[level]),
                inner=inner,
                decode=_conv(slot, widths[level] + widths[level + 1], widths[level]),
            )
        return inner


def _conv(slot: Slot, in_channels: int, out_channels: int, kernel: int = 3) -> Call:
    return call(
        "ConvNormAct",
        in_channels=in_channels,
        out_channels=out_channels,
        kernel=kernel,
        activation=ACTIVATIONS[slot.activation],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationHead(Head):
    """Logits for every pixel of the last map, brought to a larger one by `upsample`."""

    kind = "segmentation"
    is_dense = True
    hidden: Annotated[int, Bounds(0, MAX_COUNT)] = 0
    """Channels of a convolution before the classifier; 0 is none. 128 in LR-ASPP."""
    context: Literal["none", "lraspp"] = "none"
    """lraspp: the hidden channels, 1x1, are gated by the mean of the whole image."""
    upsample: Factor = 1
    """By how much height and width of the logits grow, bilinearly."""
    dropout: Probability = 0.0

    def call(self, slot: Slot) -> Call:
        """SegmentationHead; without hidden layer and dropout it is the head `pixels`."""
        if self.context == "lraspp" and not self.hidden:
            raise slot.refuse(
                "lraspp has hidden channels",
                "context lraspp gates hidden channels and there are none; write hidden: 128",
            )
        if not self.hidden and not self.dropout:
            return call(
                "Pixels",
                in_channels=slot.in_channels,
                num_classes=slot.out_channels,
                upsample=self.upsample,
            )
        return call(
            "SegmentationHead",
            in_channels=slot.in_channels,
            num_classes=slot.out_channels,
            hidden=self.hidden or None,
            gated=True if self.context == "lraspp" else None,
            upsample=self.upsample if self.upsample > 1 else None,
            dropout=self.dropout or None,
        )
