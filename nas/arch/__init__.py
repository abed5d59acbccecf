"""What a network is, without torch: records, the calls they compile to, and their layers."""

from __future__ import annotations

from nas.arch._identity import image_channels
from nas.arch._records import Architecture, Section, Stage, describe
from nas.arch._rings import ComponentKernels, RingPlan, Sharer, ring_budget
from nas.arch._sharing import Sharing
from nas.arch._summary import summarize
from nas.components import (
    BYTES_PER_ACTIVATION,
    Activation,
    Argument,
    Block,
    Bounds,
    Call,
    Component,
    FeatureMap,
    Head,
    LayerTrace,
    Op,
    Ref,
    Slot,
    Stem,
    Transition,
    Weight,
    peak_live_size,
    strided,
)
from nas.families import COMPONENTS, trace_layers

__all__ = [
    "BYTES_PER_ACTIVATION",
    "COMPONENTS",
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
    "Sharer",
    "Sharing",
    "Slot",
    "Stage",
    "Stem",
    "Op",
    "LayerTrace",
    "Transition",
    "Weight",
    "image_channels",
    "describe",
    "peak_live_size",
    "ring_budget",
    "strided",
    "summarize",
    "trace_layers",
]
