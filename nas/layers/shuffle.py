"""Channel shuffles over two halves: what carries information between the groups of a layer.

Papers: ShuffleNet - https://arxiv.org/abs/1707.01083 (interleave); Convolutional Neural Networks
with Layer Reuse - https://arxiv.org/abs/1901.09615 (halves, then interleave). The LruNet text
speaks of swapped halves only; the authors' code also interleaves, and only that runs their
published weights, so that is what `halves_interleave` does.

Every function maps (B, C, H, W) to (B, C, H, W) for even C unless said otherwise.
"""

import torch
from torch import Tensor, nn


def interleave(x: Tensor) -> Tensor:
    """Take channels from the two halves in turn, the first half first.

    ShuffleNet - https://arxiv.org/abs/1707.01083.
    """
    first, second = x.chunk(2, dim=1)
    return torch.stack((first, second), dim=2).flatten(1, 2)


class ChannelShuffle(nn.Module):
    """Take channels from `groups` equal runs in turn, for C a multiple of their number.

    ShuffleNet - https://arxiv.org/abs/1707.01083.
    """

    def __init__(self, groups: int) -> None:
        """With 2 groups it is `interleave`."""
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Shuffle the channels of `x`."""
        batch, channels, height, width = x.shape
        x = x.reshape(batch, self.groups, channels // self.groups, height, width)
        return x.transpose(1, 2).flatten(1, 2)


def halves(x: Tensor) -> Tensor:
    """Swap the two halves of the channels."""
    first, second = x.chunk(2, dim=1)
    return torch.cat((second, first), dim=1)


def halves_interleave(x: Tensor) -> Tensor:
    """Take channels from the two halves in turn, the second half first; no channel stays put.

    LruNet - https://arxiv.org/abs/1901.09615 (the authors' code).
    """
    first, second = x.chunk(2, dim=1)
    return torch.stack((second, first), dim=2).flatten(1, 2)
