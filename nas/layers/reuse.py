"""Layer reuse for any block: one set of weights, applied several times.

Paper: Convolutional Neural Networks with Layer Reuse - https://arxiv.org/abs/1901.09615
LruNet's idea without its block: convolutions are shared by all applications, BatchNorms are not.
Carrying it over to other blocks is ours.
"""

import copy

from torch import nn


class Reuse(nn.Sequential):
    """(B, C, H, W) -> (B, C, H, W): `block` applied `times` times.

    Every application has BatchNorms of its own and shares everything else with the first.

    The idea is LruNet's - https://arxiv.org/abs/1901.09615; for any block it is ours.
    """

    def __init__(self, block: nn.Module, times: int) -> None:
        """`block` must keep its shape."""
        shared = {
            id(module): module
            for module in block.modules()
            if not list(module.children()) and not isinstance(module, nn.BatchNorm2d)
        }
        copies = (copy.deepcopy(block, dict(shared)) for _ in range(times - 1))
        super().__init__(block, *copies)
