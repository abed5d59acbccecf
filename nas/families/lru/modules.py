"""LruNet: a layer reused N times, channel shuffle between, self-concatenation to widen.

Paper: Convolutional Neural Networks with Layer Reuse - https://arxiv.org/abs/1901.09615
Where the abstract leaves room, this follows the authors' code, whose published weights load into
this structure: a residual addition (no concatenation) inside the block, no activation between
depthwise and pointwise convolution, no shuffle after the last application, ReLU on the logits.
Differs: the last pooling is global, so that any input size works; at the paper's 32 pixels the
map is 2x2 and the result the same.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class LruBlock(nn.Module):
    """(B, C, H, W) -> (B, C, H, W): one depthwise and one pointwise convolution, `reuse` times.

    The convolutions are shared by all applications; the BatchNorms are not.

    LruNet - https://arxiv.org/abs/1901.09615. As in the authors' code the input is added, and
    no activation stands between the two convolutions.
    """

    def __init__(
        self,
        channels: int,
        reuse: int,
        activation: Callable[..., nn.Module],
        groups: int = 1,
        shuffle: Callable[[Tensor], Tensor] | None = None,
        kernel: int = 3,
        multiplier: int = 2,
    ) -> None:
        """`groups` of the pointwise convolution; `shuffle` runs between two applications.

        `kernel` of the depthwise convolution, which makes `multiplier` x C channels.
        """
        super().__init__()
        wide = multiplier * channels
        self.depthwise = nn.Conv2d(
            channels, wide, kernel, padding=kernel // 2, groups=channels, bias=False
        )
        self.pointwise = nn.Conv2d(wide, channels, 1, groups=groups, bias=False)
        self.depthwise_norms = nn.ModuleList(nn.BatchNorm2d(wide) for _ in range(reuse))
        self.pointwise_norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(reuse))
        self.activation = activation(inplace=True)
        self.shuffle = shuffle

    def forward(self, x: Tensor) -> Tensor:
        """Apply the two convolutions once per pair of BatchNorms."""
        norms = zip(self.depthwise_norms, self.pointwise_norms, strict=True)
        for application, (depthwise_norm, pointwise_norm) in enumerate(norms):
            if application > 0 and self.shuffle is not None:
                x = self.shuffle(x)
            y = depthwise_norm(self.depthwise(x))
            y = pointwise_norm(self.pointwise(y))
            x = self.activation(y + x)
        return x


class MaxPoolConcat(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/stride), ceil(W/stride)) without any weights.

    Max pooling over 3x3 where `stride` is 2; then the channels are repeated, from the first one
    on, until there are C_out. Twice as many is the paper's concatenation of a map with itself.

    LruNet - https://arxiv.org/abs/1901.09615.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        """C_out must not be below C_in."""
        super().__init__()
        self.pool = nn.MaxPool2d(3, stride, 1) if stride > 1 else nn.Identity()
        self.whole, self.rest = divmod(out_channels, in_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Pool, then repeat channels."""
        x = self.pool(x)
        if self.whole == 1 and self.rest == 0:
            return x
        copies = [x] * self.whole + ([x[:, : self.rest]] if self.rest else [])
        return torch.cat(copies, dim=1)


class LruHead(nn.Module):
    """(B, C, H, W) -> (B, K): max pool, grouped 1x1 to C/2, 1x1 to K, ReLU, global average.

    LruNet - https://arxiv.org/abs/1901.09615; the last pooling is global.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        groups: int,
        dropout: float = 0.0,
        relu: bool = True,
    ) -> None:
        """With `relu` logits are never negative: it stands before the average, as in the code."""
        super().__init__()
        width = in_channels // 2
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.conv = nn.Conv2d(in_channels, width, 1, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Conv2d(width, num_classes, 1)
        self.relu = nn.ReLU(inplace=True) if relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = self.norm(self.conv(self.pool(x))).relu_()
        return self.relu(self.classify(self.dropout(x))).mean((2, 3))
