"""`Family`: what a folder of blocks offers, as one record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nas.components._call import Call
    from nas.components._component import Component
    from nas.components._layer_trace import FeatureMap

    Merge = Callable[[Call, Call], tuple[Call, ...] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Stems, transitions, blocks and heads that belong together."""

    name: str
    options: tuple[type[Component], ...]
    """The records that a model file may name, each by its `kind`."""
    modules: str
    """The Python module that defines the classes that `options` call, imported when first needed.

    They may refer to torch, the standard library and `nas.layers`: export copies them.
    """
    traces: Mapping[str, Callable[..., FeatureMap]] = field(default_factory=dict)
    """By class: a function that writes its layers down without torch, called with a trace, the
    input and the class's arguments. The layers of other classes are traced from the module."""
    merges: Mapping[tuple[str, str], Merge] = field(default_factory=dict)
    """By the names of two calls in a row: the calls that they are, to the bit, or None. So one
    network has one form, however it was written. Merges must come to an end."""
    stem_merges: Mapping[tuple[str, str], Merge] = field(default_factory=dict)
    """The same for the first call and the second, whichever stands there where it is `*`."""
