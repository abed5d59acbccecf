"""VGNet: half-identity blocks, downsampling that keeps what it filtered, a depthwise head.

Paper: Efficient CNN Architecture Design Guided by Visualization -
https://arxiv.org/abs/2207.10318. Details follow the authors' code at the time of the paper:
activation before BatchNorm, no normalisation after a depthwise filter unless its kernels are
fixed, no residual additions.
Differs: the share of identity channels is open; the paper's is one half.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class HalfIdentityBlock(nn.Module):
    """(B, C, H, W) -> (B, C, H, W): the right half of the input, then C/2 new channels.

    VGNet - https://arxiv.org/abs/2207.10318. As in the authors' code the activation stands
    before the BatchNorm, and learned filters are not normalised.
    """

    def __init__(
        self,
        channels: int,
        identity: int,
        filters: nn.Module,
        activation: Callable[..., nn.Module],
        norm_filtered: bool = False,
        attention: nn.Module | None = None,
    ) -> None:
        """The first `identity` channels skip `filters`, which take the others."""
        super().__init__()
        self.identity = identity
        self.new = channels // 2
        self.filters = filters
        self.filters_norm = nn.BatchNorm2d(channels - identity) if norm_filtered else nn.Identity()
        self.pointwise = nn.Conv2d(channels, self.new, 1, bias=False)
        self.activation = activation(inplace=True)
        self.norm = nn.BatchNorm2d(self.new)
        self.attention = attention or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Filter some channels, mix all into C/2 new ones, keep the right half of the old."""
        # One split, not two slices: its backward pass writes a gradient once, without zeros.
        left, rest = torch.split(x, [self.identity, x.shape[1] - self.identity], dim=1)
        kept = rest if self.identity == self.new else x[:, self.new :]
        mixed = torch.cat((left, self.filters_norm(self.filters(rest))), dim=1)
        new = self.attention(self.norm(self.activation(self.pointwise(mixed))))
        return torch.cat((kept, new), dim=1)


class VgnetDownsamplingBlock(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/s), ceil(W/s)), s the stride of `filters`.

    VGNet - https://arxiv.org/abs/2207.10318.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kept: int,
        filters: nn.Module,
        activation: Callable[..., nn.Module],
        attention: nn.Module | None = None,
    ) -> None:
        """The last `kept` filtered channels are handed on as they are; the rest is new."""
        super().__init__()
        self.dropped = in_channels - kept
        self.filters = filters
        self.pointwise = nn.Conv2d(in_channels, out_channels - kept, 1, bias=False)
        self.activation = activation(inplace=True)
        self.norm = nn.BatchNorm2d(out_channels - kept)
        self.attention = attention or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Filter and stride, then put new channels beside the kept ones."""
        filtered = self.filters(x)
        new = self.attention(self.norm(self.activation(self.pointwise(filtered))))
        return torch.cat((filtered[:, self.dropped :], new), dim=1)


class VgnetHead(nn.Module):
    """(B, C, H, W) -> (B, K): depthwise and pointwise convolution, global average, linear.

    VGNet - https://arxiv.org/abs/2207.10318.
    """

    def __init__(
        self,
        channels: int,
        num_classes: int,
        filters: nn.Module,
        activation: Callable[..., nn.Module],
        norm_filtered: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """`filters` take all channels."""
        super().__init__()
        self.filters = filters
        self.filters_norm = nn.BatchNorm2d(channels) if norm_filtered else nn.Identity()
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.activation = activation(inplace=True)
        self.norm = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = self.filters_norm(self.filters(x))
        x = self.norm(self.activation(self.pointwise(x)))
        return self.linear(self.dropout(x.mean((2, 3))))
