"""What to try next and what came of it: engine, samplers and trials. Optuna's only home.

    SearchEngine   propose / record / finish
      Sampler      what to try next
      Ledger       what became of each candidate
      TrialStore   where trials are kept: an Optuna study, or memory
    SearchLoop     keeps the workers of a pool busy with an engine's proposals

Samplers look at the ledger; only the engine writes to the store.
"""

from __future__ import annotations

from nas.search._archive import Archive, Member, objective_vector
from nas.search._engine import Proposal, SearchEngine
from nas.search._ladder import Ladder, Promoter
from nas.search._ledger import Entry, Ledger
from nas.search._loop import LoopEvents, SearchLoop
from nas.search._probe import SpaceProbe, probe_space
from nas.search._problem import Candidate, Genes, Problem, SearchProblem
from nas.search._repair import repair_study
from nas.search._secrets import (
    absolute_url,
    hide_passwords,
    with_password,
    without_password,
)
from nas.search._storage import StorageAddress
from nas.search._store import MemoryStore, RungScore, TrialStore
from nas.search._studies import count_paused, create_study, load_evaluations, open_store
from nas.search.samplers import (
    SAMPLERS,
    Knowledge,
    ModelBasedSampler,
    ParetoEvolutionSampler,
    Sampler,
    SpaceExhausted,
    make_sampler,
)

__all__ = [
    "SAMPLERS",
    "Archive",
    "Candidate",
    "Entry",
    "Genes",
    "Knowledge",
    "Ladder",
    "Ledger",
    "LoopEvents",
    "Member",
    "MemoryStore",
    "ModelBasedSampler",
    "ParetoEvolutionSampler",
    "Problem",
    "Promoter",
    "Proposal",
    "RungScore",
    "Sampler",
    "SearchEngine",
    "SearchLoop",
    "SearchProblem",
    "SpaceExhausted",
    "SpaceProbe",
    "StorageAddress",
    "TrialStore",
    "absolute_url",
    "count_paused",
    "create_study",
    "hide_passwords",
    "load_evaluations",
    "make_sampler",
    "objective_vector",
    "open_store",
    "probe_space",
    "repair_study",
    "with_password",
    "without_password",
]
