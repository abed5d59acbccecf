"""MobileNetV3 (and V2): inverted residual with squeeze-and-excitation, and the V3 head.

Papers: Searching for MobileNetV3 - https://arxiv.org/abs/1905.02244 (figure 4, tables 1 and 2,
section 5.1 for the head); MobileNetV2 - https://arxiv.org/abs/1801.04381 (table 1).
Differs: the pointwise convolutions may have groups, the depthwise filter may be fixed.
"""

from collections.abc import Callable

from torch import Tensor, nn


class InvertedResidualBlock(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/s), ceil(W/s)), s the stride of `filters`.

    Expand, filter, scale by attention, project without activation.

    MobileNetV2 - https://arxiv.org/abs/1801.04381 (table 1); MobileNetV3 -
    https://arxiv.org/abs/1905.02244 (figure 4).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expanded: int,
        filters: nn.Module,
        activation: Callable[..., nn.Module],
        groups: int = 1,
        attention: nn.Module | None = None,
        residual: bool = False,
    ) -> None:
        """`filters` take `expanded` channels; if these are C_in, nothing is expanded.

        `groups` of both pointwise convolutions; `residual` adds the input.
        """
        super().__init__()
        self.expands = expanded != in_channels
        if self.expands:
            self.expand = nn.Conv2d(in_channels, expanded, 1, groups=groups, bias=False)
            self.expand_norm = nn.BatchNorm2d(expanded)
        self.filters = filters
        self.filters_norm = nn.BatchNorm2d(expanded)
        self.attention = attention or nn.Identity()
        self.project = nn.Conv2d(expanded, out_channels, 1, groups=groups, bias=False)
        self.project_norm = nn.BatchNorm2d(out_channels)
        self.activation = activation(inplace=True)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Expand, filter, project."""
        y = self.activation(self.expand_norm(self.expand(x))) if self.expands else x
        y = self.attention(self.activation(self.filters_norm(self.filters(y))))
        y = self.project_norm(self.project(y))
        return y + x if self.residual else y


class MobileNetV3Head(nn.Module):
    """(B, C, H, W) -> (B, K): 1x1 convolution, global average, two linear layers.

    MobileNetV3 - https://arxiv.org/abs/1905.02244 (section 5.1).
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        expanded: int,
        hidden: int,
        activation: Callable[..., nn.Module],
        dropout: float = 0.0,
    ) -> None:
        """`expanded` channels of the convolution, `hidden` features of the first linear layer."""
        super().__init__()
        self.conv = nn.Conv2d(in_channels, expanded, 1, bias=False)
        self.norm = nn.BatchNorm2d(expanded)
        self.activation = activation(inplace=True)
        self.hidden = nn.Linear(expanded, hidden)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = self.activation(self.norm(self.conv(x))).mean((2, 3))
        return self.linear(self.dropout(self.activation(self.hidden(x))))
