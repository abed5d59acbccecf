"""A convolution and what stands after it, in any order."""

from collections.abc import Callable

from torch import nn


class ConvUnit(nn.Sequential):
    """(B, C_in, H, W) -> (B, C_out, H', W'): a convolution, then norm and activation, then pool.

    With `padding` "same" H' is ceil(H / stride), else ceil((H - reach) / stride), where reach is
    dilation x (kernel - 1); `pool` divides it once more.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | tuple[int, int],
        steps: str,
        activation: Callable[..., nn.Module] = nn.Identity,
        stride: int | tuple[int, int] = 1,
        groups: int = 1,
        dilation: int = 1,
        padding: str = "same",
        bias: bool = False,
        pool: int | tuple[int, int] = 1,
    ) -> None:
        """`steps` names what stands after the convolution: "norm_act", "act_norm", "act", ""."""
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        reach = (dilation * (height - 1), dilation * (width - 1))
        pads = (0, 0) if padding == "valid" else (reach[0] // 2, reach[1] // 2)
        layers: list[nn.Module] = []
        if padding == "same" and (reach[0] % 2 or reach[1] % 2):
            # An even kernel reaches one pixel further down and right than up and left.
            sides = (pads[1], reach[1] - pads[1], pads[0], reach[0] - pads[0])
            layers, pads = [nn.ZeroPad2d(sides)], (0, 0)
        conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, pads, dilation, groups, bias=bias
        )
        layers.append(conv)
        for step in filter(None, steps.split("_")):
            layers.append(
                nn.BatchNorm2d(out_channels) if step == "norm" else activation(inplace=True)
            )
        if pool != 1:
            layers.append(nn.MaxPool2d(pool))
        super().__init__(*layers)
