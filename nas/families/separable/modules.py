"""MobileNetV1: depthwise separable convolution.

Paper: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications -
https://arxiv.org/abs/1704.04861 (section 3.1, figure 3 right).
Differs: the pointwise convolution may have groups, the depthwise filter may be fixed.
"""

from collections.abc import Callable

from torch import Tensor, nn


class SeparableBlock(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/s), ceil(W/s)), s the stride of `depthwise`.

    MobileNetV1 - https://arxiv.org/abs/1704.04861 (section 3.1, figure 3).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        depthwise: nn.Module,
        activation: Callable[..., nn.Module],
        groups: int = 1,
    ) -> None:
        """`depthwise` filters `in_channels` channels; `groups` are the pointwise convolution's."""
        super().__init__()
        self.depthwise = depthwise
        self.depthwise_norm = nn.BatchNorm2d(in_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, groups=groups, bias=False)
        self.pointwise_norm = nn.BatchNorm2d(out_channels)
        self.activation = activation(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Depthwise, then pointwise, each normalised and activated."""
        x = self.activation(self.depthwise_norm(self.depthwise(x)))
        return self.activation(self.pointwise_norm(self.pointwise(x)))


class SeparableUnit(nn.Sequential):
    """(B, C_in, H, W) -> (B, C_out, H', W'): a depthwise and a pointwise convolution."""

    def __init__(self, depthwise: nn.Module, pointwise: nn.Module) -> None:
        """Each is a convolution with what stands after it."""
        super().__init__(depthwise, pointwise)
