"""Samplers side by side on one problem: ours and Optuna's, with or without our deduplication.

A contender is a sampler with an in-memory study and no journal: for comparisons on tables, where
a result is looked up. Searches that train use `SearchStudy`.
"""

from __future__ import annotations

import hashlib
import random
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import optuna

from nas.search._archive import Archive
from nas.search._evolution import ParetoEvolutionSampler, SpaceExhausted, distributions
from nas.search._model_based import ModelBasedSampler
from nas.search._searchable import as_problem
from nas.search._study import Proposal
from nas.trial import Evaluation

if TYPE_CHECKING:
    from nas.metrics import Direction
    from nas.search._problem import Candidate
    from nas.search._searchable import Searchable
    from nas.space import Genome
    from nas.trial import Scores

MAX_REPEATS = 300
"""Known networks proposed in a row before a new one is drawn at random instead."""
Maker = Callable[["Searchable", Archive, int], optuna.samplers.BaseSampler]


@dataclass(frozen=True, slots=True)
class Entry:
    """How a contender is set up."""

    make: Maker
    deduplicate: bool
    """Whether a known network is answered from its first result and costs nothing."""
    ours: bool = False


def _model(problem: Searchable, archive: Archive, seed: int) -> optuna.samplers.BaseSampler:
    start = (0,) * len(problem.space.genes)
    return ModelBasedSampler(problem, archive, seed=seed, start=start)


def _evolution(problem: Searchable, archive: Archive, seed: int) -> optuna.samplers.BaseSampler:
    start = (0,) * len(problem.space.genes)
    return ParetoEvolutionSampler(as_problem(problem), archive, seed=seed, start=start)


def _random(problem: Searchable, archive: Archive, seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed=seed)


def _tpe(*, multivariate: bool | None) -> Maker:
    def make(problem: Searchable, archive: Archive, seed: int) -> optuna.samplers.BaseSampler:
        if multivariate is None:
            return optuna.samplers.TPESampler(seed=seed)
        return optuna.samplers.TPESampler(seed=seed, multivariate=multivariate)

    return make


def _nsga2(population: int) -> Maker:
    def make(problem: Searchable, archive: Archive, seed: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.NSGAIISampler(seed=seed, population_size=population)

    return make


CONTENDERS: Mapping[str, Entry] = MappingProxyType(
    {
        "model": Entry(_model, deduplicate=True, ours=True),
        "evolution": Entry(_evolution, deduplicate=True, ours=True),
        "tpe-multivariate+dedup": Entry(_tpe(multivariate=True), deduplicate=True),
        "tpe+dedup": Entry(_tpe(multivariate=None), deduplicate=True),
        "tpe-multivariate": Entry(_tpe(multivariate=True), deduplicate=False),
        "tpe": Entry(_tpe(multivariate=None), deduplicate=False),
        "nsga2-20": Entry(_nsga2(20), deduplicate=False),
        "nsga2-50": Entry(_nsga2(50), deduplicate=False),
        "random+dedup": Entry(_random, deduplicate=True),
    }
)
"""By name, as `nas bench --samplers` takes them. `tpe` is Optuna 5's default."""


class Contender:
    """One sampler on one problem, from an empty study."""

    def __init__(self, problem: Searchable, name: str, *, seed: int) -> None:
        """`name` is one of `CONTENDERS`."""
        self._problem = problem
        self._entry = CONTENDERS[name]
        self._seed = seed
        self._distributions = distributions(as_problem(problem))
        self._results: dict[str, Scores] = {}
        self._waiting: dict[str, list[int]] = {}
        self.archive = Archive(problem.objectives)
        self.num_repeats = 0
        """Proposals that were answered from an earlier result."""
        self.ask_s: list[float] = []
        """CPU seconds of each proposal."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study = _quiet_study(
                directions=[one.direction for one in problem.objectives],
                sampler=self._entry.make(problem, self.archive, seed),
            )

    def propose(self) -> Proposal | None:
        """The next network to evaluate; None where none is left."""
        for attempt in range(MAX_REPEATS + 1):
            try:
                number, genome = self._ask(at_random=attempt == MAX_REPEATS)
            except SpaceExhausted:
                return None
            candidate = self._problem.candidate(genome)
            if not self._entry.deduplicate or not self._answered(number, candidate):
                self.archive.pending[candidate.arch.id] = number
                return Proposal(number, candidate)
            self.num_repeats += 1
        raise AssertionError("the last attempt proposes new networks only")

    def record(self, proposal: Proposal, scores: Scores) -> None:
        """Take in a result, and answer those that wait for it."""
        candidate, arch_id = proposal.candidate, proposal.candidate.arch.id
        assert candidate.cost is not None, "a table holds feasible networks only"
        self._tell(proposal.number, candidate, scores)
        self.archive.pending.pop(arch_id, None)
        if arch_id not in self.archive.finished:
            self._learn(proposal, scores)
        for number in self._waiting.pop(arch_id, []):
            self._tell(number, candidate, scores)

    def _ask(self, *, at_random: bool) -> tuple[int, Genome]:
        began = time.process_time()
        if at_random:
            self._study.enqueue_trial(self._unseen(), skip_if_exists=False)
        trial = self._study.ask(self._distributions)
        self.ask_s.append(time.process_time() - began)
        return trial.number, self._problem.space.genome(trial.params)

    def _unseen(self) -> dict[str, int | float | str | bool]:
        rng = random.Random(f"{self._seed}:unseen:{len(self.ask_s)}")
        genome = ParetoEvolutionSampler(
            as_problem(self._problem),
            Archive(self._problem.objectives, finished=self._known()),
            seed=self._seed,
            start=(0,) * len(self._problem.space.genes),
        ).propose(rng)
        return self._problem.space.labels(genome)

    def _known(self) -> dict[str, int]:
        return {**self.archive.finished, **self.archive.pending}

    def _answered(self, number: int, candidate: Candidate) -> bool:
        """Whether the network is known; then it is told now, or when its result comes."""
        arch_id = candidate.arch.id
        if (scores := self._results.get(arch_id)) is not None:
            self._tell(number, candidate, scores)
            return True
        if arch_id in self.archive.pending:
            self._waiting.setdefault(arch_id, []).append(number)
            return True
        return False

    def _tell(self, number: int, candidate: Candidate, scores: Scores) -> None:
        assert candidate.cost is not None, "a table holds feasible networks only"
        values = [one.value(candidate.cost, scores) for one in self._problem.objectives]
        self._study.tell(number, values)

    def _learn(self, proposal: Proposal, scores: Scores) -> None:
        candidate = proposal.candidate
        self._results[candidate.arch.id] = scores
        self.archive.finished[candidate.arch.id] = proposal.number
        evaluation = Evaluation(
            number=proposal.number,
            state="complete",
            arch=candidate.arch,
            cost=candidate.cost,
            scores=scores,
        )
        self.archive.add(self._problem.space.canonical_genome(candidate.genome), evaluation)


def _quiet_study(
    directions: list[Direction], sampler: optuna.samplers.BaseSampler
) -> optuna.Study:
    """A study in memory, without the line that Optuna logs for each."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(directions=directions, sampler=sampler)
    finally:
        optuna.logging.set_verbosity(level)


def contender_version(name: str) -> str:
    """What a contender's results depend on: Optuna's release, and for ours the source too."""
    release = f"optuna {optuna.__version__}"
    if not CONTENDERS[name].ours:
        return release
    sources = (Path(__file__).with_name(f"{module}.py").read_bytes() for module in _OUR_MODULES)
    return f"{release}, source {hashlib.sha256(b''.join(sources)).hexdigest()[:12]}"


_OUR_MODULES = (
    "_acquisition",
    "_archive",
    "_encoding",
    "_error_model",
    "_evolution",
    "_gaussian_process",
    "_ideas",
    "_model_based",
    "_start",
)
