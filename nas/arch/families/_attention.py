"""Squeeze-and-excitation: an ingredient of VGNet, MobileNetV3 and MGIC.

Paper: Squeeze-and-Excitation Networks - https://arxiv.org/abs/1709.01507. Module in
`nas/layers/squeeze_excite.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.arch._call import Call, Ref, call

if TYPE_CHECKING:
    from nas.arch._tape import Map, Tape


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


def plan_attention(tape: Tape, x: Map, attention: Call | None) -> Map:
    """Layers of SqueezeExcite, or nothing."""
    if attention is None:
        return x
    options = attention.kwargs
    channels, hidden = int(options["channels"]), int(options["hidden"])  # type: ignore[arg-type]
    squeezed = tape.global_pool(x)
    reduce = tape.weight(channels, hidden, bias=True)
    squeezed = tape.in_place(tape.conv(squeezed, reduce))
    expand = tape.weight(hidden, channels, bias=True)
    gate = tape.in_place(tape.conv(squeezed, expand))
    return tape.in_place(x, gate)
