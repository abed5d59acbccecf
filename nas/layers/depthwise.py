"""Depthwise filters: learned, or fixed kernels that networks learn anyway.

Paper: Efficient CNN Architecture Design Guided by Visualization -
https://arxiv.org/abs/2207.10318. Values of the banks: the authors' paper-time release.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Depthwise(nn.Conv2d):
    """(B, C, H, W) -> (B, C, ceil(H/stride), ceil(W/stride)): one learned kernel per channel.

    With `chunks` > 1 the channels fall into that many equal runs, all filtered with the same
    C / chunks kernels (VGNet's last depthwise layer).
    """

    def __init__(self, channels: int, kernel: int = 3, stride: int = 1, chunks: int = 1) -> None:
        """`channels` must be a multiple of `chunks`."""
        kernels = channels // chunks
        super().__init__(
            kernels, kernels, kernel, stride, padding=kernel // 2, groups=kernels, bias=False
        )
        self.chunks = chunks

    def forward(self, x: Tensor) -> Tensor:
        """Filter `x`, folding chunks into the batch."""
        if self.chunks == 1:
            return super().forward(x)
        batch, channels = x.shape[:2]
        y = super().forward(x.reshape(batch * self.chunks, channels // self.chunks, *x.shape[2:]))
        return y.reshape(batch, channels, *y.shape[2:])


class FixedDepthwise(nn.Module):
    """(B, C, H, W) -> (B, C, ceil(H/stride), ceil(W/stride)): channel i uses kernel i mod n.

    The kernels are a buffer: saved with the weights, never trained or decayed.

    VGNet - https://arxiv.org/abs/2207.10318.
    """

    kernels: tuple[tuple[float, ...], ...]
    """n kernels of 3x3, row by row."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        """The bank is repeated and cut to `channels`."""
        super().__init__()
        self.stride = stride
        bank = torch.tensor(self.kernels).view(-1, 1, 3, 3)
        repeated = bank.repeat(-(-channels // len(bank)), 1, 1, 1)
        # A copy: safetensors refuses a weight that is a part of a larger storage.
        self.register_buffer("weight", repeated[:channels].clone())

    def forward(self, x: Tensor) -> Tensor:
        """Filter `x`."""
        weight = self.get_buffer("weight")
        return functional.conv2d(x, weight, stride=self.stride, padding=1, groups=len(weight))


class GaussianBlur(FixedDepthwise):
    """Gaussian of sigma 1.1; odd channels get its negative (the paper's generation)."""

    kernels = (
        (0.0811, 0.1226, 0.0811, 0.1226, 0.1853, 0.1226, 0.0811, 0.1226, 0.0811),
        (-0.0811, -0.1226, -0.0811, -0.1226, -0.1853, -0.1226, -0.0811, -0.1226, -0.0811),
    )


class PositiveGaussianBlur(FixedDepthwise):
    """Gaussian of sigma 1.0, exactly normalised and positive (the later generation)."""

    kernels = (
        (
            *(0.07511360795411151, 0.12384140315297394, 0.07511360795411151),
            *(0.12384140315297394, 0.20417995557165805, 0.12384140315297394),
            *(0.07511360795411151, 0.12384140315297394, 0.07511360795411151),
        ),
    )


class EdgeBank(FixedDepthwise):
    """Two Sobel and two Laplace kernels (VGNetF with edges only)."""

    kernels = (
        (-0.5, -1.0, -0.5, 0.0, 0.0, 0.0, 0.5, 1.0, 0.5),
        (-0.5, 0.0, 0.5, -1.0, 0.0, 1.0, -0.5, 0.0, 0.5),
        (-1 / 12, -2 / 12, -1 / 12, -2 / 12, 1.0, -2 / 12, -1 / 12, -2 / 12, -1 / 12),
        (0.0, -0.25, 0.0, -0.25, 1.0, -0.25, 0.0, -0.25, 0.0),
    )


class EdgeGaussianBank(FixedDepthwise):
    """Two Sobel, two Laplace, two diagonal edges, Gaussians of sigma 1.1 and 0.6 (VGNetF)."""

    kernels = (
        (-0.5, -1.0, -0.5, 0.0, 0.0, 0.0, 0.5, 1.0, 0.5),
        (-0.5, 0.0, 0.5, -1.0, 0.0, 1.0, -0.5, 0.0, 0.5),
        (-1 / 12, -2 / 12, -1 / 12, -2 / 12, 1.0, -2 / 12, -1 / 12, -2 / 12, -1 / 12),
        (0.0, -0.25, 0.0, -0.25, 1.0, -0.25, 0.0, -0.25, 0.0),
        (-1.0, -2 / 3, -1 / 3, -2 / 3, 0.0, 2 / 3, 1 / 3, 2 / 3, 1.0),
        (-1 / 3, -2 / 3, -1.0, 2 / 3, 0.0, -2 / 3, 1.0, 2 / 3, 1 / 3),
        (0.0811, 0.1226, 0.0811, 0.1226, 0.1853, 0.1226, 0.0811, 0.1226, 0.0811),
        (0.0277, 0.1110, 0.0277, 0.1110, 0.4452, 0.1110, 0.0277, 0.1110, 0.0277),
    )
