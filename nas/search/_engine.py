"""The search's three verbs: `propose` a network, `record` its result, `finish`.

The engine ties a sampler, a ledger and a store together. Whatever changes is written to the store
first and then applied to the ledger, so that a search killed at any moment goes on from its
store. It knows neither Optuna nor Ray: `nas search`, `nas bench` and the benchmarks run this one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nas.search._drivers import Drivers
from nas.search._ledger import Ledger
from nas.search._outcomes import duplicate, evaluated, pruned, rejected, values_of
from nas.search._replay import Replay
from nas.search._store import RungScore
from nas.search.samplers import ParetoEvolutionSampler, SpaceExhausted, make_sampler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from nas.search._archive import ObjectiveVector
    from nas.search._ladder import Promoter
    from nas.search._ledger import Entry
    from nas.search._problem import Candidate, SearchProblem
    from nas.search._store import SharedStore, TrialStore
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
        shared: SharedStore | None = None,
        seat: str = "",
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
                without a break, where results are recorded in order of the proposals.
            shared: The store once more, where other drivers may use it at the same time.
            seat: A place that one driver held at a time until now: whoever held it is gone.
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
        self._replay = Replay(problem, store, self.ledger, self._sampler)
        self._shared = shared
        self._drivers = None if shared is None else Drivers(shared, seat=seat)
        self._in_turn = False
        self._notes: list[str] = []
        with store.batch():
            under_way = self._replay.run()
        self._unfinished = under_way if shared is None else []

    # -- several drivers -----------------------------------------------------------------------

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Whatever is decided within is one write, and made by what all drivers know."""
        with self.store.batch():
            outermost, self._in_turn = not self._in_turn, True
            try:
                if outermost and self._shared is not None:
                    self._replay.take_in(self._shared.changes())
                yield
            finally:
                self._in_turn = not outermost

    def alive(self) -> AbstractContextManager[None]:
        """Tell other drivers within that this one evaluates its trials."""
        return nullcontext() if self._drivers is None else self._drivers.alive()

    @property
    def waits_for_others(self) -> bool:
        """Whether another driver evaluates a network whose result decides what is left to do."""
        if self._drivers is None:
            return False
        name = self._drivers.name
        return any(entry.driver != name for entry in self.ledger.pending.values())

    def _abandoned(self) -> Entry | None:
        """A trial whose driver is gone; it is this one's from now on."""
        if self._shared is None or self._drivers is None or not self.waits_for_others:
            return None
        present = self._drivers.present()
        for number, entry in self.ledger.pending.items():
            if entry.driver not in present:
                self._shared.take_over(number)
                self._notes.append(f"takes over trial {number} of a driver that is gone")
                return entry
        return None

    def take_notes(self) -> list[str]:
        """What was taken over from other drivers since this was last asked, for a log."""
        notes, self._notes = self._notes, []
        return notes

    def evaluates(self, number: int) -> bool:
        """Whether a trial under way is still this driver's, and no other has taken it over."""
        entry = self.ledger.pending.get(number)
        return entry is not None and (self._drivers is None or entry.driver == self._drivers.name)

    @property
    def others(self) -> frozenset[str]:
        """Other drivers that gave a sign of life lately."""
        drivers = self._drivers
        return frozenset() if drivers is None else drivers.present() - {drivers.name}

    # -- propose -------------------------------------------------------------------------------

    def propose(self) -> Proposal | None:
        """The next network to evaluate; None where no new feasible one is found in the space.

        Those that have begun come first. Trials that need no evaluation are settled on the way.
        If the sampler makes no other for long, evolution makes one.
        """
        if (begun := self.propose_begun()) is not None:
            return begun
        for attempt in range(MAX_FREE_PROPOSALS + 1):
            with self.turn():
                try:
                    genome = self._draw(fall_back=attempt == MAX_FREE_PROPOSALS)
                except SpaceExhausted:
                    return None
                entry = self._take(genome)
            if entry is not None:
                return self._proposal(entry)
        raise AssertionError("the fallback proposes new feasible networks only")

    def expect(self, count: int) -> None:
        """The next `count` proposals are asked for together: a sampler may choose them so."""
        self._sampler.expect(count)

    def propose_begun(self) -> Proposal | None:
        """The next network that has begun already: left under way earlier, or to be promoted."""
        if self._unfinished:
            return self._proposal(self._unfinished.pop(0))
        with self.turn():
            if (entry := self._abandoned()) is not None:
                return self._proposal(entry)
            return self._promoted(self.ledger.promote())

    def propose_one_in_full(self) -> Proposal | None:
        """The best network below full training, where none was trained in full, nor failed there.

        Of very few networks none may climb by the ladder's rule, and a search should not end
        without a network.
        """
        ledger = self.ledger
        with self.turn():
            if ledger.count("complete") or ledger.failed_in_full or self.waits_for_others:
                return None
            return self._promoted(ledger.promote_best())

    def _promoted(self, entry: Entry | None) -> Proposal | None:
        if entry is None:
            return None
        self.store.add_promotion(entry.number, entry.promotions)
        return self._proposal(entry)

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
        with self.turn():
            if not self.evaluates(result.number):
                return False  # Another driver took it over while this one seemed gone.
            entry = self.ledger.pending[result.number]
            if result.ok and len(entry.rungs) < self.ledger.top:
                self._pause(entry, result)
                return False
            return self._finish(entry, evaluated(entry, result))

    def finish(self) -> None:
        """Close what was never promoted: nothing more is to be evaluated."""
        with self.turn():
            for entry in list(self.ledger.paused.values()):
                self._finish(entry, pruned(entry))

    def _pause(self, entry: Entry, result: TrialResult) -> None:
        assert result.scores is not None
        score = RungScore(at=self.ledger.clock, scores=result.scores)
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

    def _proposal(self, entry: Entry) -> Proposal:
        if self._drivers is not None:
            self.ledger.assign(entry.number, self._drivers.name)
        return Proposal(entry.number, entry.candidate, rung=len(entry.rungs))
