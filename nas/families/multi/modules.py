"""Several heads at once."""

from torch import Tensor, nn


class MultiHead(nn.Module):
    """(B, C, H, W) -> the outputs of several heads, in their order."""

    def __init__(self, /, **heads: nn.Module) -> None:
        """Each head by the name of its output."""
        super().__init__()
        self.output_names = tuple(heads)
        self.heads = nn.ModuleList(heads.values())

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Each head's outputs."""
        return tuple(head(x) for head in self.heads)
