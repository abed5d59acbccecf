"""What a part of a network asks of a processor, by kind of layer, without building it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from nas.arch import LayerTrace, trace_layers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nas.arch import Call, FeatureMap, Weight
    from nas.components import TraceCall

KINDS = (
    "dense", "pointwise", "grouped", "depthwise", "linear", "add", "activation", "copy",
    "max_pool", "global_pool",
)  # fmt: skip
TERMS = 4
"""For each kind: layers, multiply-accumulates, elements read and written, kernel elements."""
LANES = 16
"""Channels that a CPU's convolutions work on at once; others are filled up with zeros."""


@lru_cache(maxsize=1 << 15)
def part_terms(call: Call, in_shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """The (kinds, terms) table of one call for a feature map of `in_shape`."""
    trace, _ = trace_layers(call, in_shape, _LayerKinds)
    assert isinstance(trace, _LayerKinds)
    return trace.terms


class _LayerKinds(LayerTrace):
    """Notes what every layer is, beyond what it costs."""

    def __init__(self, trace_call: TraceCall | None = None) -> None:
        super().__init__(trace_call)
        self.terms = np.zeros((len(KINDS), TERMS))

    def conv(self, x: FeatureMap, weight: Weight, *, stride: int = 1) -> FeatureMap:
        out = super().conv(x, weight, stride=stride)
        taps = weight.kernel**2
        if weight.groups == 1:
            kind = "pointwise" if weight.kernel == 1 else "dense"
            macs = _filled(weight.in_channels, LANES // 2) * _filled(weight.out_channels) * taps
        elif weight.groups == weight.in_channels:
            kind, macs = "depthwise", _filled(weight.out_channels) * taps
        else:
            kind, macs = "grouped", weight.size
        self._note(kind, x, out, macs * out.height * out.width, weight.size)
        return out

    def depthwise(
        self,
        x: FeatureMap,
        *,
        kernel: int = 3,
        stride: int = 1,
        chunks: int = 1,
        frozen: bool = False,
    ) -> FeatureMap:
        out = super().depthwise(x, kernel=kernel, stride=stride, chunks=chunks, frozen=frozen)
        macs = _filled(x.channels) * kernel**2 * out.height * out.width
        self._note("depthwise", x, out, macs, x.channels * kernel**2)
        return out

    def norm(self, x: FeatureMap) -> FeatureMap:
        """Nothing: exported networks have it in their convolutions."""
        self.params += 2 * x.channels
        return x

    def in_place(self, x: FeatureMap, *others: FeatureMap) -> FeatureMap:
        self._note("add" if others else "activation", x, x)
        return super().in_place(x, *others)

    def copy(self, *xs: FeatureMap) -> FeatureMap:
        out = super().copy(*xs)
        self._note("copy", out, out)
        return out

    def max_pool(self, x: FeatureMap, *, stride: int = 2) -> FeatureMap:
        out = super().max_pool(x, stride=stride)
        self._note("max_pool", x, out)
        return out

    def global_pool(self, x: FeatureMap) -> FeatureMap:
        out = super().global_pool(x)
        self._note("global_pool", x, out)
        return out

    def linear(self, x: FeatureMap, out_features: int) -> FeatureMap:
        out = super().linear(x, out_features)
        size = x.channels * out_features
        self._note("linear", x, out, size, size)
        return out

    def _note(
        self, kind: str, x: FeatureMap, out: FeatureMap, macs: int = 0, kernel: int = 0
    ) -> None:
        self.terms[KINDS.index(kind)] += 1, macs, x.size + out.size, kernel


def _filled(channels: int, lanes: int = LANES) -> int:
    return -(-channels // lanes) * lanes
