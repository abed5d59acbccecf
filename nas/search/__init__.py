"""What to try next and what came of it: samplers and the Optuna study. Optuna's only home."""

from __future__ import annotations

from nas.search._archive import Archive
from nas.search._evolution import ParetoEvolutionSampler, SpaceExhausted
from nas.search._problem import Candidate, Limit, Problem, Survey, survey
from nas.search._samplers import SAMPLERS
from nas.search._storage import StorageAddress
from nas.search._study import Proposal, SearchStudy, create_study, load_evaluations

__all__ = [
    "SAMPLERS",
    "Archive",
    "Candidate",
    "Limit",
    "ParetoEvolutionSampler",
    "Problem",
    "Proposal",
    "SearchStudy",
    "SpaceExhausted",
    "StorageAddress",
    "Survey",
    "create_study",
    "load_evaluations",
    "survey",
]
