"""What to try next and what came of it: engine, samplers and trials. Optuna's only home.

    SearchEngine   propose / record / finish
      Sampler      what to try next
      Ledger       what became of each candidate
      TrialStore   where trials are kept: an Optuna study, or memory
    SearchLoop     keeps the workers of a pool busy with an engine's proposals

Samplers look at the ledger; only the engine writes to the store.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nas.search._sampler_names import SAMPLERS

if TYPE_CHECKING:
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
    from nas.search._studies import (
        count_paused,
        create_study,
        delete_empty_study,
        load_evaluations,
        load_trials,
        open_store,
    )
    from nas.search.samplers import (
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
    "delete_empty_study",
    "hide_passwords",
    "load_evaluations",
    "load_trials",
    "make_sampler",
    "objective_vector",
    "open_store",
    "probe_space",
    "repair_study",
    "with_password",
    "without_password",
]

_HOMES = {
    "Archive": "_archive",
    "Candidate": "_problem",
    "Entry": "_ledger",
    "Genes": "_problem",
    "Knowledge": "samplers",
    "Ladder": "_ladder",
    "Ledger": "_ledger",
    "LoopEvents": "_loop",
    "Member": "_archive",
    "MemoryStore": "_store",
    "ModelBasedSampler": "samplers",
    "ParetoEvolutionSampler": "samplers",
    "Problem": "_problem",
    "Promoter": "_ladder",
    "Proposal": "_engine",
    "RungScore": "_store",
    "Sampler": "samplers",
    "SearchEngine": "_engine",
    "SearchLoop": "_loop",
    "SearchProblem": "_problem",
    "SpaceExhausted": "samplers",
    "SpaceProbe": "_probe",
    "StorageAddress": "_storage",
    "TrialStore": "_store",
    "absolute_url": "_secrets",
    "count_paused": "_studies",
    "create_study": "_studies",
    "delete_empty_study": "_studies",
    "hide_passwords": "_secrets",
    "load_evaluations": "_studies",
    "load_trials": "_studies",
    "make_sampler": "samplers",
    "objective_vector": "_archive",
    "open_store": "_studies",
    "probe_space": "_probe",
    "repair_study": "_repair",
    "with_password": "_secrets",
    "without_password": "_secrets",
}


def __getattr__(name: str) -> Any:
    """Load a part when it is first asked for: the samplers' names are known without Optuna."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nas.search' has no attribute '{name}'")
    return getattr(import_module(f"nas.search.{_HOMES[name]}"), name)
