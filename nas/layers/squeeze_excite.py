"""Squeeze-and-excitation.

Paper: Squeeze-and-Excitation Networks - https://arxiv.org/abs/1709.01507 (section 3).
"""

from collections.abc import Callable

from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """(B, C, H, W) -> (B, C, H, W): scale each channel by a gate computed from all means.

    Squeeze-and-excitation - https://arxiv.org/abs/1709.01507 (section 3).
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        activation: Callable[[], nn.Module],
        gate: Callable[[], nn.Module],
    ) -> None:
        """Two 1x1 convolutions with bias, `channels` -> `hidden` -> `channels`."""
        super().__init__()
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.activation = activation()
        self.expand = nn.Conv2d(hidden, channels, 1)
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:
        """Scale `x`."""
        mean = x.mean((2, 3), keepdim=True)
        return x * self.gate(self.expand(self.activation(self.reduce(mean))))
