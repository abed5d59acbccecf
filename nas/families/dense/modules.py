"""Dense prediction: encoder-decoder levels, upsampling, and a head with logits for every pixel.

Papers: U-Net - https://arxiv.org/abs/1505.04597; LR-ASPP of MobileNetV3 -
https://arxiv.org/abs/1905.02244 (section 6.4, figure 10).
Differs: maps are upsampled bilinearly and convolutions padded, so that any size works; the
pooling of LR-ASPP is over the whole image, and its second tap into the trunk is left out.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Upsample(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, factor x H, factor x W): convolve 1x1, then enlarge."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        factor: int,
        activation: Callable[..., nn.Module],
    ) -> None:
        """The convolution stands first: it is cheaper on the smaller map."""
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = activation(inplace=True)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, normalise, activate, enlarge."""
        x = self.activation(self.norm(self.conv(x)))
        return functional.interpolate(x, scale_factor=self.factor, mode="bilinear")


class UnetLevel(nn.Module):
    """(B, C_in, H, W) -> (B, C, H, W): encode, go through `inner` at half the size, decode.

    `inner` may be another UnetLevel. What was encoded is concatenated with what comes back.

    U-Net - https://arxiv.org/abs/1505.04597; upsampled bilinearly, and padded to any size.
    """

    def __init__(self, encode: nn.Module, inner: nn.Module, decode: nn.Module) -> None:
        """`decode` takes the channels of `encode` and of `inner`."""
        super().__init__()
        self.encode = encode
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.inner = inner
        self.decode = decode

    def forward(self, x: Tensor) -> Tensor:
        """Encode, go down and up, decode."""
        skip = self.encode(x)
        height, width = skip.shape[2:]
        deep = self.inner(self.pool(skip))
        deep = functional.interpolate(deep, size=(int(height), int(width)), mode="bilinear")
        return self.decode(torch.cat((skip, deep), dim=1))


class SegmentationHead(nn.Module):
    """(B, C, H, W) -> (B, K, upsample x H, upsample x W): logits for every pixel.

    Gated it is MobileNetV3's LR-ASPP without its second tap -
    https://arxiv.org/abs/1905.02244 (section 6.4, figure 10).
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        hidden: int = 0,
        gated: bool = False,
        upsample: int = 1,
        dropout: float = 0.0,
    ) -> None:
        """`hidden` channels before the classifier; `gated` by the image's mean they are 1x1."""
        super().__init__()
        kernel = 1 if gated else 3
        self.hidden = nn.Sequential()
        if hidden:
            self.hidden = nn.Sequential(
                nn.Conv2d(in_channels, hidden, kernel, padding=kernel // 2, bias=False),
                nn.BatchNorm2d(hidden),
                nn.ReLU(inplace=True),
            )
        self.gate = nn.Conv2d(in_channels, hidden, 1, bias=False) if gated else None
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Conv2d(hidden or in_channels, num_classes, 1)
        self.upsample = upsample

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        y = self.hidden(x)
        if self.gate is not None:
            y = y * self.gate(x.mean((2, 3), keepdim=True)).sigmoid()
        y = self.classify(self.dropout(y))
        if self.upsample == 1:
            return y
        return functional.interpolate(y, scale_factor=self.upsample, mode="bilinear")
