"""What to try next and what came of it: samplers and the Optuna study. Optuna's only home."""

from __future__ import annotations

from nas.search._archive import Archive, losses_of
from nas.search._contender import CONTENDERS, Contender, Entry, contender_version
from nas.search._evolution import ParetoEvolutionSampler, SpaceExhausted
from nas.search._ladder import Ladder
from nas.search._model_based import ModelBasedSampler
from nas.search._problem import Candidate, Problem, SpaceProbe, probe_space
from nas.search._samplers import SAMPLERS
from nas.search._searchable import Genes, Searchable
from nas.search._storage import StorageAddress
from nas.search._studies import create_study, load_evaluations
from nas.search._study import Proposal, SearchStudy

__all__ = [
    "CONTENDERS",
    "SAMPLERS",
    "Archive",
    "Candidate",
    "Contender",
    "Entry",
    "Genes",
    "Ladder",
    "ModelBasedSampler",
    "ParetoEvolutionSampler",
    "Problem",
    "Proposal",
    "SearchStudy",
    "Searchable",
    "SpaceExhausted",
    "StorageAddress",
    "SpaceProbe",
    "contender_version",
    "create_study",
    "load_evaluations",
    "losses_of",
    "probe_space",
]
