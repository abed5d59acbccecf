"""Depthwise filters, learned or from a fixed bank: an ingredient of several families.

The banks are VGNet's - https://arxiv.org/abs/2207.10318; modules in `nas/layers/depthwise.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from nas.components._call import Call, call
from nas.components._component import PRELU

if TYPE_CHECKING:
    from nas.components._component import Slot
    from nas.components._layer_trace import FeatureMap, LayerTrace

Kernels = Literal["learned", "gaussian", "gaussian_positive", "edge", "edge_gaussian"]
FILTERS = {
    "gaussian": "GaussianBlur",
    "gaussian_positive": "PositiveGaussianBlur",
    "edge": "EdgeBank",
    "edge_gaussian": "EdgeGaussianBank",
}
"""Fixed filters and their classes."""


def depthwise_call(
    kernels: str, slot: Slot, channels: int, *, kernel: int = 3, stride: int = 1, chunks: int = 1
) -> Call:
    """The filter module for `channels` channels."""
    slot.require_divides(chunks, channels, "the number of chunks")
    if kernels == "learned":
        name, size = "Depthwise", kernel if kernel != 3 else None
    else:
        name = FILTERS[kernels]
        if kernel != 3:
            raise slot.refuse(
                "fixed kernels are 3x3",
                f"kernel {kernel}: the {kernels} bank is 3x3, use kernel 3",
            )
        size = None
    return call(
        name,
        channels=channels,
        kernel=size,
        stride=stride if stride > 1 else None,
        chunks=chunks if chunks > 1 else None,
    )


def trace_depthwise(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    channels: int,
    kernel: int = 3,
    stride: int = 1,
    chunks: int = 1,
) -> FeatureMap:
    """Layers of Depthwise."""
    return trace.depthwise(x, kernel=kernel, stride=stride, chunks=chunks)


def trace_fixed_depthwise(
    trace: LayerTrace, x: FeatureMap, *, channels: int, stride: int = 1
) -> FeatureMap:
    """Layers of a fixed bank's module."""
    return trace.depthwise(x, stride=stride, frozen=True)


CONVOLUTION = {"in_channels", "out_channels", "kernel", "stride", "groups", "activation"}
"""The arguments of a convolution that a depthwise separable one may stand for."""


def are_separable(one: Call, other: Call) -> bool:
    """Whether two `ConvNormAct` in a row are a depthwise and a pointwise convolution.

    PReLUs are two, each with a slope of its own; a separable block has one.
    """
    filters, pointwise = one.kwargs, other.kwargs
    kernel = filters["kernel"]
    return (
        filters["in_channels"] == filters["out_channels"] == filters.get("groups", 1)
        and isinstance(kernel, int)
        and kernel % 2 == 1
        and pointwise["kernel"] == 1
        and "stride" not in pointwise
        and filters["activation"] == pointwise["activation"] != PRELU
        and (filters.keys() | pointwise.keys()) <= CONVOLUTION
    )
