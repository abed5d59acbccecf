"""ResNet: basic and bottleneck blocks with a shortcut, and the stem with max pooling.

Paper: Deep Residual Learning for Image Recognition - https://arxiv.org/abs/1512.03385
(figure 5; table 1 for the stem).
Differs: a bottleneck strides in its middle convolution, not in its first, as today's
implementations do; convolutions may have groups. Shortcuts that change the shape are 1x1
convolutions (the paper's option B) and stand first among a block's weights; option A pads.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional


class ResnetStem(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/2s), ceil(W/2s)): convolve, normalise, max pool.

    ResNet - https://arxiv.org/abs/1512.03385 (table 1).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        activation: Callable[..., nn.Module],
    ) -> None:
        """`stride` s of the convolution; the 3x3 pooling strides by 2."""
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = activation(inplace=True)
        self.pool = nn.MaxPool2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, normalise, activate, pool."""
        return self.pool(self.activation(self.norm(self.conv(x))))


class Projection(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/stride), ceil(W/stride)): a shortcut with weights.

    ResNet - https://arxiv.org/abs/1512.03385 (option B).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        """A 1x1 convolution."""
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, normalise."""
        return self.norm(self.conv(x))


class PaddedShortcut(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/stride), ceil(W/stride)): a shortcut without weights.

    ResNet's option A: every `stride`-th pixel, and zeros for the channels that are new.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        """C_out must not be below C_in."""
        super().__init__()
        self.new, self.stride = out_channels - in_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """Skip pixels, append zeros."""
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, 0, self.new)) if self.new else x


class ResidualBlock(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/s), ceil(W/s)): two convolutions and a shortcut.

    ResNet - https://arxiv.org/abs/1512.03385 (figure 5, left).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        activation: Callable[..., nn.Module],
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        shortcut: nn.Module | None = None,
    ) -> None:
        """`stride` is s. Without `shortcut` the input itself is added."""
        super().__init__()
        padding = kernel // 2
        self.shortcut = shortcut or nn.Identity()
        self.conv1 = nn.Conv2d(
            in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False
        )
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(
            out_channels, out_channels, kernel, 1, padding, groups=groups, bias=False
        )
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.activation = activation(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve twice, add the shortcut, activate."""
        y = self.activation(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return self.activation(y + self.shortcut(x))


class BottleneckBlock(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/stride), ceil(W/stride)): narrow, convolve, widen.

    ResNet - https://arxiv.org/abs/1512.03385 (figure 5, right); it strides in the middle
    convolution, as today's implementations do.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int,
        activation: Callable[..., nn.Module],
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        pointwise_groups: int = 1,
        activate_branch: bool = False,
        shortcut: nn.Module | None = None,
    ) -> None:
        """`width` and `groups` of the middle convolution, `pointwise_groups` of the outer two.

        `activate_branch` activates once more before the shortcut is added (MGIC's coarsest level).
        """
        super().__init__()
        self.shortcut = shortcut or nn.Identity()
        self.narrow = nn.Conv2d(in_channels, width, 1, groups=pointwise_groups, bias=False)
        self.narrow_norm = nn.BatchNorm2d(width)
        self.conv = nn.Conv2d(width, width, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.conv_norm = nn.BatchNorm2d(width)
        self.widen = nn.Conv2d(width, out_channels, 1, groups=pointwise_groups, bias=False)
        self.widen_norm = nn.BatchNorm2d(out_channels)
        self.activation = activation(inplace=True)
        self.activate_branch = activate_branch

    def forward(self, x: Tensor) -> Tensor:
        """Narrow, convolve, widen, add the shortcut, activate."""
        y = self.activation(self.narrow_norm(self.narrow(x)))
        y = self.activation(self.conv_norm(self.conv(y)))
        y = self.widen_norm(self.widen(y))
        if self.activate_branch:
            y = self.activation(y)
        return self.activation(y + self.shortcut(x))
