"""What block families are written in: options, the calls they lead to, and their layers."""

from __future__ import annotations

from nas.components._attention import (
    make_divisible,
    mobile_attention,
    squeeze_excite_call,
    trace_squeeze_excite,
)
from nas.components._call import Argument, Call, Ref, call, to_plain
from nas.components._component import (
    ACTIVATIONS,
    Activation,
    Block,
    Bounds,
    Component,
    Count,
    Expansion,
    Head,
    Kernel,
    OddKernel,
    Probability,
    Slot,
    Stem,
    Stride,
    Transition,
)
from nas.components._depthwise import (
    FILTERS,
    Kernels,
    are_separable,
    depthwise_call,
    trace_depthwise,
    trace_fixed_depthwise,
)
from nas.components._elementwise import is_elementwise
from nas.components._family import Family
from nas.components._geometry import Padding, Pair, Side, as_pair, peak_live_size, strided
from nas.components._layer_trace import (
    BYTES_PER_ACTIVATION,
    FeatureMap,
    KernelKind,
    LayerKind,
    LayerTrace,
    Op,
    TraceCall,
    Weight,
)

__all__ = [
    "ACTIVATIONS",
    "BYTES_PER_ACTIVATION",
    "FILTERS",
    "Activation",
    "Argument",
    "Block",
    "Bounds",
    "Call",
    "Component",
    "Count",
    "Expansion",
    "Family",
    "FeatureMap",
    "Head",
    "Kernel",
    "KernelKind",
    "Kernels",
    "LayerKind",
    "LayerTrace",
    "OddKernel",
    "Op",
    "Padding",
    "Pair",
    "Probability",
    "Ref",
    "Side",
    "Slot",
    "Stem",
    "Stride",
    "TraceCall",
    "Transition",
    "Weight",
    "as_pair",
    "call",
    "are_separable",
    "depthwise_call",
    "is_elementwise",
    "make_divisible",
    "mobile_attention",
    "peak_live_size",
    "squeeze_excite_call",
    "strided",
    "to_plain",
    "trace_depthwise",
    "trace_fixed_depthwise",
    "trace_squeeze_excite",
]
