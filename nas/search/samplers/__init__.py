"""Samplers: what to try next, given what is known. Each keeps to the suite of `Sampler`."""

from __future__ import annotations

from nas.search._sampler_names import SAMPLERS
from nas.search.samplers._base import Knowledge, Sampler, SpaceExhausted
from nas.search.samplers._evolution import ParetoEvolutionSampler
from nas.search.samplers._optuna import OptunaSampler
from nas.search.samplers._registry import OURS, make_sampler
from nas.search.samplers.model import ModelBasedSampler

__all__ = [
    "OURS",
    "SAMPLERS",
    "Knowledge",
    "ModelBasedSampler",
    "OptunaSampler",
    "ParetoEvolutionSampler",
    "Sampler",
    "SpaceExhausted",
    "make_sampler",
]
