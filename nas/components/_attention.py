"""Squeeze-and-excitation: an ingredient of VGNet, MobileNetV3 and MGIC.

Paper: Squeeze-and-Excitation Networks - https://arxiv.org/abs/1709.01507. Module in
`nas/layers/squeeze_excite.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.components._call import Call, Ref, call

if TYPE_CHECKING:
    from nas.components._call import Argument
    from nas.components._layer_trace import FeatureMap, LayerTrace


def make_divisible(value: float, divisor: int = 8) -> int:
    """Nearest multiple of `divisor`, at least one, and never below 0.9 of `value`.

    Source: the rounding rule of MobileNetV2 and V3, used alike by VGNet and MGIC.
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def squeeze_excite_call(channels: int, hidden: int, activation: Ref, gate: str) -> Call:
    """The module that scales `channels` channels by a gate computed from their means."""
    return call(
        "SqueezeExcite", channels=channels, hidden=hidden, activation=activation, gate=Ref(gate)
    )


def mobile_attention(channels: int) -> Call:
    """MobileNetV3's squeeze-and-excitation: a quarter of the channels, ReLU, hard sigmoid."""
    hidden = make_divisible(channels // 4)
    return squeeze_excite_call(channels, hidden, Ref("nn.ReLU"), "nn.Hardsigmoid")


def trace_squeeze_excite(
    trace: LayerTrace,
    x: FeatureMap,
    *,
    channels: int,
    hidden: int,
    activation: Argument,
    gate: Argument,
) -> FeatureMap:
    """Layers of SqueezeExcite."""
    squeezed = trace.global_pool(x)
    reduce = trace.weight(channels, hidden, bias=True, attends=True)
    squeezed = trace.in_place(trace.conv(squeezed, reduce))
    expand = trace.weight(hidden, channels, bias=True, attends=True)
    return trace.in_place(x, trace.in_place(trace.conv(squeezed, expand)))
