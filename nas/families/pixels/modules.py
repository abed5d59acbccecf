"""A class for each pixel: pointwise convolution and bilinear upsampling."""

from torch import Tensor, nn
from torch.nn import functional


class Pixels(nn.Module):
    """(B, C, H, W) -> (B, K, u * H, u * W): logits of each pixel.

    Fully Convolutional Networks, section 3.2 - https://arxiv.org/abs/1411.4038; upsampling is
    fixed here, not learnt.
    """

    def __init__(self, in_channels: int, num_classes: int, upsample: int) -> None:
        """A pointwise convolution with bias; u is `upsample`."""
        super().__init__()
        self.conv = nn.Conv2d(in_channels, num_classes, 1)
        self.upsample = upsample

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        logits = self.conv(x)
        if self.upsample == 1:
            return logits
        return functional.interpolate(logits, scale_factor=self.upsample, mode="bilinear")
