"""What a part of a network asks of a processor, by kind of layer, without building it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from nas.arch import LayerTrace, trace_layers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nas.arch import Call, FeatureMap, Weight
    from nas.components import LayerKind, TraceCall

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

    def note(self, kind: LayerKind, x: FeatureMap, out: FeatureMap, weight: Weight | None) -> None:
        pixels = out.height * out.width
        if kind == "conv" and weight is not None:
            self._add(*_conv_work(weight, pixels), x, out, weight.size)
        elif kind == "linear" and weight is not None:
            self._add("linear", weight.size * pixels, x, out, weight.size)
        elif kind in _COPIES:
            self._add(_COPIES[kind], 0, out, out, 0)
        elif kind in _OTHERS:
            self._add(_OTHERS[kind], 0, x, out, 0)

    def _add(self, kind: str, macs: int, x: FeatureMap, out: FeatureMap, kernel: int) -> None:
        self.terms[KINDS.index(kind)] += 1, macs, x.size + out.size, kernel


_COPIES: dict[str, str] = {"add": "add", "activation": "activation", "copy": "copy"}
"""Layers that read as much as they write. Not norms: exported networks have them in their
convolutions."""
_OTHERS: dict[str, str] = {"pool": "max_pool", "global_pool": "global_pool", "other": "copy"}


def _conv_work(weight: Weight, pixels: int) -> tuple[str, int]:
    """The kind of a convolution, and its multiply-accumulates with channels filled up."""
    if weight.groups == 1:
        kind = "pointwise" if weight.taps == 1 else "dense"
        channels = _filled(weight.in_channels, LANES // 2) * _filled(weight.out_channels)
        return kind, channels * weight.taps * pixels
    if weight.groups == weight.in_channels:
        return "depthwise", _filled(weight.out_channels) * weight.taps * pixels
    return "grouped", weight.size * pixels


def _filled(channels: int, lanes: int = LANES) -> int:
    return -(-channels // lanes) * lanes
