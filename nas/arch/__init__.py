"""What a network is, without torch: records, the calls they compile to, and their layers."""

from __future__ import annotations

from nas.arch._call import Argument, Call, Ref
from nas.arch._part import Activation, Block, Bounds, Head, Part, Site, Stem, Transition
from nas.arch._records import Architecture, Section, Stage, describe
from nas.arch._sharing import PartKernels, RingPlan, Sharing, ring_budget
from nas.arch._summary import summarize
from nas.arch._tape import BYTES_PER_ACTIVATION, Map, Step, Tape, Weight, peak_live_size, strided
from nas.arch.families import PARTS, PLANS

__all__ = [
    "BYTES_PER_ACTIVATION",
    "PARTS",
    "PLANS",
    "Activation",
    "Architecture",
    "Argument",
    "Block",
    "Bounds",
    "Call",
    "Head",
    "Map",
    "Part",
    "PartKernels",
    "Ref",
    "RingPlan",
    "Section",
    "Sharing",
    "Site",
    "Stage",
    "Stem",
    "Step",
    "Tape",
    "Transition",
    "Weight",
    "describe",
    "peak_live_size",
    "ring_budget",
    "strided",
    "summarize",
]
