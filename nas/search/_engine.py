"""The search's three verbs: `propose` a network, `record` its result, `finish`.

The engine ties a sampler, a ledger and a store together. Whatever changes is written to the store
first and then applied to the ledger, so that a search killed at any moment goes on from its
store. It knows neither Optuna nor Ray: `nas search`, `nas bench` and the benchmarks run this one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nas.search._ledger import Ledger
from nas.search._outcomes import duplicate, evaluated, pruned, rejected, values_of
from nas.search._replay import Replay
from nas.search._store import RungScore
from nas.search.samplers import ParetoEvolutionSampler, SpaceExhausted, make_sampler

if TYPE_CHECKING:
    from nas.search._archive import ObjectiveVector
    from nas.search._ladder import Promoter
    from nas.search._ledger import Entry
    from nas.search._problem import Candidate, SearchProblem
    from nas.search._store import TrialStore
    from nas.search.samplers import Knowledge, Sampler
    from nas.space import Genome
    from nas.trial import Evaluation, TrialResult

SamplerMaker = Callable[["SearchProblem", "Knowledge"], "Sampler"]

MAX_FREE_PROPOSALS = 100
"""Rejected proposals and duplicates in a row before evolution proposes instead."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A network to evaluate, its trial's number, and how thoroughly to train it."""

    number: int
    candidate: Candidate
    rung: int = 0
    """Of the ladder, counted from the cheapest."""


class SearchEngine:
    """One search: what it knows, what it proposes next, and the store that keeps it."""

    def __init__(
        self,
        problem: SearchProblem,
        store: TrialStore,
        *,
        sampler: str | SamplerMaker,
        seed: int,
        start: Genome,
        num_rungs: int = 1,
        reference: ObjectiveVector = (),
        promoter: Promoter | None = None,
        deduplicate: bool = True,
        resumable: bool = False,
    ) -> None:
        """Go on from what the store holds. Raises StorageError.

        Args:
            problem: What is searched.
            store: Where trials are kept.
            sampler: A name that `make_sampler` knows, or what makes one.
            seed: Of the sampler.
            start: A feasible genome, for spaces in which random ones hardly ever are.
            num_rungs: Length of the ladder of fidelities, full training included.
            reference: Objective vector of the worst network that counts; needed with a ladder.
            promoter: Decides who climbs, instead of our `Ladder`.
            deduplicate: Whether a known network is answered from its first result; without, it
                is evaluated again.
            resumable: Whether a search that goes on must propose what it would have proposed
                without a break, as far as the sampler can.
        """
        self.problem = problem
        self.store = store
        self.ledger = Ledger(problem, num_rungs=num_rungs, reference=reference, promoter=promoter)
        self._seed = seed
        self._deduplicate = deduplicate
        if isinstance(sampler, str):
            sampler = partial(make_sampler, sampler, seed=seed, start=start, resumable=resumable)
        self._sampler = sampler(problem, self.ledger)
        self._fallback = ParetoEvolutionSampler(problem, self.ledger, seed=seed, start=start)
        with store.batch():
            self._unfinished = Replay(problem, store, self.ledger, self._sampler).run()

    # -- propose -------------------------------------------------------------------------------

    def propose(self) -> Proposal | None:
        """The next network to evaluate; None where no new feasible one is found in the space.

        Those that have begun come first. Trials that need no evaluation are settled on the way.
        If the sampler makes no other for long, evolution makes one.
        """
        if (begun := self.propose_begun()) is not None:
            return begun
        for attempt in range(MAX_FREE_PROPOSALS + 1):
            with self.store.batch():
                try:
                    genome = self._draw(fall_back=attempt == MAX_FREE_PROPOSALS)
                except SpaceExhausted:
                    return None
                entry = self._take(genome)
            if entry is not None:
                return _proposal(entry)
        raise AssertionError("the fallback proposes new feasible networks only")

    def expect(self, count: int) -> None:
        """The next `count` proposals are asked for together: a sampler may choose them so."""
        self._sampler.expect(count)

    def propose_begun(self) -> Proposal | None:
        """The next network that has begun already: left under way earlier, or to be promoted."""
        if self._unfinished:
            return _proposal(self._unfinished.pop(0))
        return self._promoted(self.ledger.promote())

    def propose_one_in_full(self) -> Proposal | None:
        """The best network below full training, where none was trained in full, nor failed.

        Of very few networks none may climb by the ladder's rule, and a search should not end
        without a network.
        """
        ledger = self.ledger
        if ledger.count("complete") or ledger.count("failed"):
            return None
        return self._promoted(ledger.promote_best())

    def _promoted(self, entry: Entry | None) -> Proposal | None:
        if entry is None:
            return None
        with self.store.batch():
            self.store.add_promotion(entry.number, entry.promotions)
        return _proposal(entry)

    def _draw(self, *, fall_back: bool) -> Genome:
        if not fall_back:
            return self._sampler.propose(self.ledger.num_trials)
        rng = random.Random(f"{self._seed}:fall back:{self.ledger.num_trials}")
        return self._fallback.draw(rng)

    def _take(self, genome: Genome) -> Entry | None:
        """Open a trial for a proposal; an entry where it is to be evaluated."""
        notes = self._sampler.notes(self.ledger.num_trials)
        number = self.store.open_trial(genome, at=self.ledger.clock, notes=notes)
        candidate = self.problem.candidate(genome)
        if candidate.reason is not None:
            self._settle(rejected(number, candidate))
            return None
        if not (self._deduplicate and self.ledger.knows(candidate.arch.id)):
            return self.ledger.begin(number, candidate)
        if (first := self.ledger.result_of(candidate.arch.id)) is not None:
            self._settle(duplicate(number, candidate, first))
        else:
            self.ledger.wait(number, candidate)
        return None

    # -- record --------------------------------------------------------------------------------

    def record(self, result: TrialResult) -> bool:
        """Take in a worker's result; True if nothing known dominates the network.

        A score from below the top of the ladder is kept with the trial, which stays open.
        """
        entry = self.ledger.pending[result.number]
        if result.ok and len(entry.rungs) < self.ledger.top:
            self._pause(entry, result)
            return False
        with self.store.batch():
            return self._finish(entry, evaluated(entry, result))

    def finish(self) -> None:
        """Close what was never promoted: nothing more is to be evaluated."""
        with self.store.batch():
            for entry in list(self.ledger.paused.values()):
                self._finish(entry, pruned(entry))

    def _pause(self, entry: Entry, result: TrialResult) -> None:
        assert result.scores is not None
        score = RungScore(at=self.ledger.clock, scores=result.scores)
        with self.store.batch():
            self.store.add_score(entry.number, (*entry.rungs, score))
        self.ledger.pause(entry.number, score)

    def _finish(self, entry: Entry, evaluation: Evaluation) -> bool:
        """A candidate is evaluated, and with it every trial that waited for its result."""
        self.store.settle(evaluation, at=self.ledger.clock)
        on_front = self.ledger.finish(evaluation)
        self._tell(evaluation)
        for number, repeated in self.ledger.pop_waiting(entry.candidate.arch.id):
            self._settle(duplicate(number, repeated, evaluation))
        return on_front

    def _settle(self, evaluation: Evaluation) -> None:
        """A trial ends without an evaluation of its own."""
        self.store.settle(evaluation, at=self.ledger.clock)
        self.ledger.settle(evaluation)
        self._tell(evaluation)

    def _tell(self, evaluation: Evaluation) -> None:
        values = values_of(self.problem.objectives, evaluation)
        self._sampler.tell(evaluation.number, evaluation.genome, values)


def _proposal(entry: Entry) -> Proposal:
    return Proposal(entry.number, entry.candidate, rung=len(entry.rungs))
