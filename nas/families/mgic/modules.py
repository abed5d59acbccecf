"""MGIC: a block whose channels are coupled through ever narrower copies of itself.

Paper: MGIC: Multigrid-in-Channels Neural Network Architectures -
https://arxiv.org/abs/2011.09128. Follows the authors' code where the abstract is silent: no
smoothing on the way down, restriction and prolongation are separate learned 1x1 convolutions,
only the difference that the coarse level made is prolonged, and no shortcut spans the block.
The convolutions at a level are ResNet's blocks (`nas/families/residual`) or a `MgicMobileUnit`.
Differs: the point form (1x1 convolutions throughout) is named in the abstract only and ours.
"""

from collections.abc import Callable

from torch import Tensor, nn


class MgicLevel(nn.Module):
    """(B, C, H, W) -> (B, C, H, W): solve on fewer channels, correct, smooth.

    `coarse` may be another MgicLevel; the innermost one is an ungrouped block that couples all
    of its channels.

    MGIC - https://arxiv.org/abs/2011.09128. As in the authors' code nothing is smoothed on the
    way down, and only what the coarse level changed is prolonged.
    """

    def __init__(
        self,
        channels: int,
        coarse_channels: int,
        smooth: nn.Module,
        coarse: nn.Module,
        groups: int = 1,
        restrict_norm: bool = False,
    ) -> None:
        """`groups` of the two 1x1 convolutions; the mobile form normalises both of them."""
        super().__init__()
        self.restrict = nn.Conv2d(channels, coarse_channels, 1, groups=groups, bias=False)
        self.restrict_norm = nn.BatchNorm2d(coarse_channels) if restrict_norm else nn.Identity()
        self.coarse = coarse
        self.prolong = nn.Conv2d(coarse_channels, channels, 1, groups=groups, bias=False)
        self.prolong_norm = nn.BatchNorm2d(channels)
        self.smooth = smooth

    def forward(self, x: Tensor) -> Tensor:
        """Add what the coarse level changed, then smooth."""
        narrow = self.restrict_norm(self.restrict(x))
        correction = self.coarse(narrow) - narrow
        return self.smooth(x + self.prolong_norm(self.prolong(correction)))


class MgicBlock(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/s), ceil(W/s)), s the stride of `connector`.

    MGIC - https://arxiv.org/abs/2011.09128.
    """

    def __init__(self, connector: nn.Module, cycle: nn.Module) -> None:
        """The cycle keeps its shape; the connector before it changes width and resolution."""
        super().__init__()
        self.connector = connector
        self.cycle = cycle

    def forward(self, x: Tensor) -> Tensor:
        """Connect, then cycle."""
        return self.cycle(self.connector(x))


class MgicMobileConnector(nn.Conv2d):
    """(B, C_in, H, W) -> (B, C_out, ceil(H/stride), ceil(W/stride)): a bare 1x1 convolution."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        """With a stride it looks at every `stride`-th pixel only."""
        super().__init__(in_channels, out_channels, 1, stride, bias=False)


class MgicMobileUnit(nn.Module):
    """(B, C, H, W) -> (B, C, H, W): a MobileNetV3 map f with two shortcuts, relu(f(x) + x) + x.

    As in the authors' code attention comes before the activation when f expands, and after it
    when f does not.

    MGIC - https://arxiv.org/abs/2011.09128 (the authors' code).
    """

    def __init__(
        self,
        channels: int,
        expanded: int,
        filters: nn.Module,
        activation: Callable[..., nn.Module],
        groups: int = 1,
        attention: nn.Module | None = None,
    ) -> None:
        """`filters` take `expanded` channels; `groups` are those of the 1x1 convolutions."""
        super().__init__()
        self.expands = expanded != channels
        if self.expands:
            self.expand = nn.Conv2d(channels, expanded, 1, groups=groups, bias=False)
            self.expand_norm = nn.BatchNorm2d(expanded)
        self.filters = filters
        self.filters_norm = nn.BatchNorm2d(expanded)
        self.attention = attention or nn.Identity()
        self.project = nn.Conv2d(expanded, channels, 1, groups=groups, bias=False)
        self.project_norm = nn.BatchNorm2d(channels)
        self.activation = activation(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Expand, filter, project; add the input before and after a ReLU."""
        if self.expands:
            y = self.activation(self.expand_norm(self.expand(x)))
            y = self.activation(self.attention(self.filters_norm(self.filters(y))))
        else:
            y = self.attention(self.activation(self.filters_norm(self.filters(x))))
        y = self.project_norm(self.project(y))
        return (y + x).relu_() + x


class MgicMobileHead(nn.Module):
    """(B, C, H, W) -> (B, K): 1x1 to C, 1x1 with bias to `hidden`, pool, linear."""

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        hidden: int,
        average: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """Pools the maximum, as released, or the average."""
        super().__init__()
        self.conv = nn.Conv2d(in_channels, in_channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(in_channels)
        self.hidden = nn.Conv2d(in_channels, hidden, 1)
        self.average = average
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = self.hidden(self.norm(self.conv(x)).relu_()).relu_()
        x = x.mean((2, 3)) if self.average else x.amax((2, 3))
        return self.linear(self.dropout(x))
