"""Which families there are: ours, a folder each, and those that plug-ins add.

Adding a family of ours is a folder beside this file whose `FAMILY` names its options, modules and
traces. One from outside is a `Family` in a Python file or package, which `load_plugin` loads.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING

from nas.components import (
    FILTERS,
    PRELU,
    Block,
    Family,
    Head,
    LayerTrace,
    Stem,
    Transition,
    trace_conv_unit,
    trace_depthwise,
    trace_fixed_depthwise,
    trace_squeeze_excite,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nas.components import Call, Component, FeatureMap

    Merge = Callable[[Call, Call], tuple[Call, ...] | None]

BUILT_IN: tuple[Family, ...] = tuple(
    import_module(f"nas.families.{found.name}").FAMILY
    for found in iter_modules([str(Path(__file__).parent)])
    if found.ispkg
)
"""Ours: every folder beside this file."""


def trace_reuse(trace: LayerTrace, x: FeatureMap, *, block: Call, times: int) -> FeatureMap:
    """Layers of Reuse: the block's, over and over, with weights made once."""
    for application in range(times):
        with trace.weights_known(application > 0):
            x = trace.call(x, block)
    return x


_families: dict[str, Family] = {}
_components: dict[type[Component], dict[str, type[Component]]] = {
    base: {} for base in (Stem, Transition, Block, Head)
}
_traces: dict[str, Callable[..., FeatureMap]] = {
    "Depthwise": trace_depthwise,
    **dict.fromkeys(FILTERS.values(), trace_fixed_depthwise),
    "ConvUnit": trace_conv_unit,
    "Reuse": trace_reuse,
    "SqueezeExcite": trace_squeeze_excite,
}

_merges: dict[tuple[str, str], list[Merge]] = defaultdict(list)
_stem_merges: dict[tuple[str, str], list[Merge]] = defaultdict(list)

FAMILIES: Mapping[str, Family] = MappingProxyType(_families)
"""All families, by name."""
COMPONENTS: Mapping[type[Component], Mapping[str, type[Component]]] = MappingProxyType(_components)
"""For each place in a model file: the components that may stand there, by kind."""
TRACES: Mapping[str, Callable[..., FeatureMap]] = MappingProxyType(_traces)
"""The functions that write a class's layers down without torch, by the class's name."""


def add_family(family: Family) -> None:
    """Let model files name the components of `family`."""
    _families[family.name] = family
    for options in family.options:
        base = next(base for base in _components if issubclass(options, base))
        _components[base][options.kind] = options
    _traces.update(family.traces)
    merge_places.cache_clear()
    for known, new in ((_merges, family.merges), (_stem_merges, family.stem_merges)):
        for names, merge in new.items():
            if merge not in known[names]:
                known[names].append(merge)


def merge_calls(one: Call, other: Call, is_stem: bool) -> tuple[Call, ...] | None:
    """The calls that two in a row come to, if some family has them; `one` may be the stem."""
    known = _stem_merges if is_stem else _merges
    for names in (one.name, other.name), (one.name, "*"):
        for merge in known.get(names, ()):
            if (both := merge(one, other)) is not None:
                return both
    return None


@lru_cache(maxsize=1 << 12)
def merge_places(names: tuple[str, ...]) -> tuple[int, ...]:
    """Where calls of these names might merge with the next one; the first is a stem's."""
    return tuple(
        place
        for place, (one, other) in enumerate(pairwise(names))
        if not {(one, other), (one, "*")}.isdisjoint(_merges if place else _stem_merges)
    )


def trace_layers(
    call: Call, in_shape: tuple[int, int, int], kind: type[LayerTrace] = LayerTrace
) -> tuple[LayerTrace, FeatureMap]:
    """The layers of one call for a feature map of `in_shape` (C, H, W), and what it hands on.

    Raises IllegalArchitecture where the map is too small.
    """
    trace = kind(_trace_call)
    return trace, _trace_call(trace, trace.input(*in_shape), call)


def _trace_call(trace: LayerTrace, x: FeatureMap, call: Call) -> FeatureMap:
    if (own := _traces.get(call.name)) is not None:
        if trace.counts_weights and PRELU in (value for _, value in call.arguments):
            trace.params += 1
        return own(trace, x, **call.kwargs)
    # Loads torch, which those who write their layers down can do without.
    from nas.families._module_trace import trace_module

    return trace_module(trace, x, call)


for _family in BUILT_IN:
    add_family(_family)
