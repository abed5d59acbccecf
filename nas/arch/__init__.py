"""What a network is, without torch: records, the calls they compile to, and their layers."""

from __future__ import annotations

from nas.arch._call import Argument, Call, Ref
from nas.arch._component import Activation, Block, Bounds, Component, Head, Slot, Stem, Transition
from nas.arch._layer_trace import (
    BYTES_PER_ACTIVATION,
    FeatureMap,
    LayerTrace,
    Op,
    Weight,
    peak_live_size,
    strided,
)
from nas.arch._records import Architecture, Section, Stage, describe
from nas.arch._sharing import ComponentKernels, RingPlan, Sharing, ring_budget
from nas.arch._summary import summarize
from nas.arch.families import COMPONENTS, TRACES

__all__ = [
    "BYTES_PER_ACTIVATION",
    "COMPONENTS",
    "TRACES",
    "Activation",
    "Architecture",
    "Argument",
    "Block",
    "Bounds",
    "Call",
    "Head",
    "FeatureMap",
    "Component",
    "ComponentKernels",
    "Ref",
    "RingPlan",
    "Section",
    "Sharing",
    "Slot",
    "Stage",
    "Stem",
    "Op",
    "LayerTrace",
    "Transition",
    "Weight",
    "describe",
    "peak_live_size",
    "ring_budget",
    "strided",
    "summarize",
]
