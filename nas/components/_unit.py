"""A convolution and what stands after it, in any order: an ingredient of several families.

`ConvNormAct`, `ConvActNorm` and `SeparableBlock` are what today's networks need; whatever goes
beyond them is a `ConvUnit` (module in `nas/layers/conv_unit.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from nas.components._call import Call, call
from nas.components._component import ACTIVATIONS, AnyStride, Bounds, Component
from nas.components._geometry import as_pair

if TYPE_CHECKING:
    from nas.components._call import Argument
    from nas.components._component import Activation
    from nas.components._geometry import Padding, Side
    from nas.components._layer_trace import FeatureMap, LayerTrace

Order = Literal["conv_norm_act", "conv_act_norm"]


@dataclass(frozen=True, kw_only=True)
class UnitOptions(Component):
    """What a convolution may be told beyond its kernel and groups."""

    quiet: ClassVar[tuple[str, ...]] = ("norm", "bias", "padding", "dilation", "pool")
    takes_pairs = True

    norm: Literal["batch", "none"] = "batch"
    bias: bool = False
    """Of the convolutions, whether a norm follows or not."""
    padding: Literal["same", "valid"] = "same"
    """Half of the kernel, or none, which makes the map smaller by the kernel less 1."""
    dilation: Annotated[int, Bounds(1, 32)] = 1
    """Distance between the pixels that a kernel looks at."""
    pool: AnyStride = 1
    """Max pooling at the end, without padding: window and stride, as in 1x2; 1 is none."""

    def is_plain(self, kernel: Side) -> bool:
        """Whether every option is at its default, or makes no difference to this kernel."""
        free = ("padding", "dilation") if as_pair(kernel) == (1, 1) else ()
        return all(
            getattr(self, name) == getattr(UnitOptions, name)
            for name in UNIT_DEFAULTS
            if name not in free
        )

    def unit(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: Side,
        stride: Side = 1,
        groups: int = 1,
        steps: str,
        activation: Activation,
        pools: bool = True,
    ) -> Call:
        """ConvUnit; `steps` is what stands after the convolution, such as `act_norm`."""
        if self.norm == "none":
            steps = "_".join(step for step in steps.split("_") if step != "norm")
        spreads = as_pair(kernel) != (1, 1)
        return call(
            "ConvUnit",
            in_channels=in_channels,
            out_channels=out_channels,
            kernel=kernel,
            steps=steps,
            activation=ACTIVATIONS[activation] if "act" in steps else None,
            stride=stride if stride != 1 else None,
            groups=groups if groups > 1 else None,
            dilation=self.dilation if self.dilation > 1 and spreads else None,
            padding="valid" if self.padding == "valid" and spreads else None,
            bias=True if self.bias else None,
            pool=self.pool if self.pool != 1 and pools else None,
        )


def as_unit(convolution: Call) -> Call:
    """A `ConvNormAct` as the ConvUnit that it is; a ConvUnit as it stands."""
    if convolution.name == "ConvUnit":
        return convolution
    given = convolution.kwargs
    stride = given.get("stride", 1)
    return call(
        "ConvUnit",
        in_channels=given["in_channels"],
        out_channels=given["out_channels"],
        kernel=given["kernel"],
        steps="norm_act",
        activation=given["activation"],
        stride=stride if stride != 1 else None,
        groups=given.get("groups"),
    )


UNIT_DEFAULTS = ("norm", "bias", "padding", "dilation", "pool")


def is_even(kernel: Side) -> bool:
    """Whether half of the kernel is no whole number, in either direction."""
    return any(side % 2 == 0 for side in as_pair(kernel))


def trace_conv_unit(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    in_channels: int,
    out_channels: int,
    kernel: Side,
    steps: str,
    activation: Argument | None = None,
    stride: Side = 1,
    groups: int = 1,
    dilation: int = 1,
    padding: Padding = "same",
    bias: bool = False,
    pool: Side = 1,
) -> FeatureMap:
    """Layers of ConvUnit."""
    weight = trace.weight(in_channels, out_channels, kernel=kernel, groups=groups, bias=bias)
    reach = [dilation * (side - 1) for side in as_pair(kernel)]
    if padding == "same" and any(side % 2 for side in reach):
        x, padding = trace.resize(x, x.height + reach[0], x.width + reach[1]), "valid"
    x = trace.conv(x, weight, stride=stride, padding=padding, dilation=dilation)
    for step in filter(None, steps.split("_")):
        x = trace.norm(x) if step == "norm" else trace.in_place(x)
    if pool != 1:
        x = trace.max_pool(x, kernel=pool, stride=pool, padding="valid")
    return x
