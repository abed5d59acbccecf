"""The arguments of a block in a few words each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nas.arch import Call, Ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.arch import Argument

SHOWN_ELSEWHERE = frozenset(
    [
        "in_channels",
        "out_channels",
        "channels",
        "coarse_channels",
        "num_classes",
        "reuse",
        "times",
        "identity",
        "kept",
        "neighbours",
        "smooth",
        "coarse",
        "block",
        "cycle",
    ]
)
"""Drawn as shapes on the edges, loops, channel bars, neighbourhoods and levels."""
FIXED_KERNELS = {
    "EdgeBank": "fixed edge kernels",
    "EdgeGaussianBank": "fixed edge and Gaussian kernels",
    "GaussianBlur": "fixed Gaussian kernels",
}


def options_of(call: Call) -> tuple[str, ...]:
    """What a reader wants to know of a block beyond its shapes."""
    return tuple(
        word
        for name, value in call.arguments
        if name not in SHOWN_ELSEWHERE
        for word in _words(name, value)
    )


def _words(name: str, value: Argument) -> Iterator[str]:
    if isinstance(value, Call):
        yield _nested(name, value)
    elif isinstance(value, Ref):
        yield _reference(name, value.name)
    elif isinstance(value, bool):
        if value:
            yield name.replace("_", " ")
    elif name == "kernel":
        yield _kernel(value)
    elif name == "groups":
        yield f"{value} groups" if value != 1 else "1 group"
    elif name == "stride":
        if value != 1:
            yield f"stride {value}"
    else:
        yield f"{name.replace('_', ' ')} {value}"


def _nested(name: str, call: Call) -> str:
    if call.name in FIXED_KERNELS:
        return FIXED_KERNELS[call.name]
    if "num_classes" in call.kwargs:  # one head of several
        return f"{name}: {' '.join((call.name, *options_of(call)))}"
    if name == "attention":
        return f"squeeze-excite {call.kwargs.get('hidden', '')}".strip()
    if name == "connector":
        return f"enters by {' '.join((call.name, *options_of(call)))}"
    if name == "shortcut":
        return f"{_spelled(call.name).removesuffix(' shortcut')} shortcut"
    inner = ", ".join(options_of(call))
    text = "depthwise" if call.name == "Depthwise" else call.name
    return f"{text} {inner}" if inner else text


def _spelled(class_name: str) -> str:
    """`PaddedShortcut` -> `padded shortcut`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", class_name).lower()


def _reference(name: str, reference: str) -> str:
    plain = reference.removeprefix("nn.")
    return f"shuffle {plain.replace('_', ' + ')}" if name == "shuffle" else plain


def _kernel(value: Argument) -> str:
    sides = (value, value) if isinstance(value, int) else value
    if not isinstance(sides, tuple):
        return str(value)
    return "\N{MULTIPLICATION SIGN}".join(map(str, sides))
