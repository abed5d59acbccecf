"""EdgeConv: features of a point and its neighbours, mixed, and their maximum.

Paper: Dynamic Graph CNN for Learning on Point Clouds - https://arxiv.org/abs/1801.07829
(section 3.1, equation 8). The graph is found anew from the features of every block.
"""

import torch
from torch import Tensor, nn


class EdgeConv(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, M, L) over N = H x W points; every s-th is kept.

    M = ceil(H/s) and L = ceil(W/s) where s is the stride. Neighbours are sought among all points.

    Dynamic Graph CNN - https://arxiv.org/abs/1801.07829 (section 3.1, equation 8).
    """

    def __init__(self, mix: nn.Module, neighbours: int, stride: int = 1) -> None:
        """`mix` takes (B, 2 C_in, M L, neighbours): a point's features and the differences."""
        super().__init__()
        self.mix = mix
        self.neighbours = neighbours
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Find neighbours, mix, take the maximum over them."""
        # Without the size of the batch, which an ONNX file would keep as it was when written.
        channels, height, width = x.shape[1:]
        kept = x[:, :, :: self.stride, :: self.stride]
        points, centres = x.flatten(2), kept.flatten(2)
        count = min(self.neighbours, height * width)
        products = centres.transpose(1, 2) @ points
        squares = (points * points).sum(1)
        # The squares of the centres are the same for all neighbours.
        nearest = (2 * products - squares[:, None, :]).topk(count, dim=2).indices.flatten(1)
        picked = points.gather(2, nearest[:, None].expand(-1, channels, -1))
        others = torch.unflatten(picked, 2, (-1, count))
        own = centres[:, :, :, None].expand(-1, -1, -1, count)
        mixed = self.mix(torch.cat((own, others - own), dim=1))
        return torch.unflatten(mixed.amax(3), 2, kept.shape[2:])
