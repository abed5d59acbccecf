"""Search by a model of the error alone; costs are exact and are not guessed."""

from __future__ import annotations

from nas.search.samplers.model._sampler import ModelBasedSampler

__all__ = ["ModelBasedSampler"]
