"""Standard convolutions and the plain head: what every system stands on."""

from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn


class ConvNormAct(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/s), ceil(W/s)): convolve, normalise, activate."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        activation: Callable[..., nn.Module],
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        """A convolution of stride s without bias, padded by half its kernel."""
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = activation(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, normalise, activate."""
        return self.activation(self.norm(self.conv(x)))


class ConvActNorm(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/s), ceil(W/s)): convolve, activate, normalise.

    VGNet's order - https://arxiv.org/abs/2207.10318, from the authors' code.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        activation: Callable[..., nn.Module],
        stride: int = 1,
    ) -> None:
        """A convolution of stride s without bias, padded by half its kernel."""
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)
        self.activation = activation(inplace=True)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, activate, normalise."""
        return self.norm(self.activation(self.conv(x)))


class GapLinear(nn.Module):
    """(B, C, H, W) -> (B, K): global average pooling, dropout, one linear layer."""

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.0) -> None:
        """A linear layer with bias."""
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(in_channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.linear(self.dropout(x.mean((2, 3))))


class FlattenHead(nn.Sequential):
    """(B, C, H, W) -> (B, K): all pixels of all channels, hidden layers, one linear layer."""

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        size: tuple[int, int],
        hidden: tuple[int, ...] = (),
        activation: Callable[..., nn.Module] = nn.Identity,
        dropout: float = 0.0,
    ) -> None:
        """`size` is (H, W); `hidden` counts the features of the layers between."""
        widths = [in_channels * size[0] * size[1], *hidden]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), activation(inplace=True)]
        super().__init__(*layers, nn.Dropout(dropout), nn.Linear(widths[-1], num_classes))


class NoStem(nn.Identity):
    """(B, C, H, W) -> (B, C, H, W): the images as they are."""
