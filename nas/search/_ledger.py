"""A candidate's life, from pending to finished. Nothing but the ledger changes it.

    begin -> pending -> finish -> finished
                |  ^                ^
             pause promote          |
                v  |                |
              paused ---- finish ---+      (never promoted again: pruned)

The ledger holds no storage: an engine writes each change to a `TrialStore` first and then applies
it here, and a ledger made anew applies what a store has kept, in the order in which it happened.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from nas.search._archive import Archive, Member, objective_vector
from nas.search._extrapolator import FidelityExtrapolator
from nas.search._ladder import Ladder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nas.search._archive import ObjectiveVector
    from nas.search._ladder import Promoter
    from nas.search._problem import Candidate, SearchProblem
    from nas.search._store import RungScore
    from nas.space import Genome
    from nas.trial import Evaluation, Scores, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A candidate whose evaluation has begun."""

    number: int
    """Its trial."""
    candidate: Candidate
    canonical: Genome
    """The candidate's genome with every inactive gene at its first option."""
    rungs: tuple[RungScore, ...] = ()
    """Scores below full training, the cheapest rung first."""
    driver: str = ""
    """Who evaluates it, where several drivers share the study."""
    promotions: tuple[int, ...] = ()
    """When it was promoted from each rung."""


class Ledger:
    """Every candidate of a search by trial number, and what is known of the successful ones."""

    def __init__(
        self,
        problem: SearchProblem,
        *,
        num_rungs: int = 1,
        reference: ObjectiveVector = (),
        promoter: Promoter | None = None,
    ) -> None:
        """Start with no candidates.

        Args:
            problem: What is searched.
            num_rungs: Length of the ladder of fidelities, full training included.
            reference: Objective vector of the worst network that counts; needed with a ladder.
            promoter: Decides who climbs, instead of `Ladder`.
        """
        self._problem = problem
        self.top = num_rungs - 1
        """The rung of full training."""
        self.results = Archive()
        """Networks trained in full."""
        self._promoter = promoter or Ladder(num_rungs, reference)
        self._extrapolator = FidelityExtrapolator(problem.objectives, self.results, self.top)
        self._pending: dict[int, Entry] = {}
        self.pending: Mapping[int, Entry] = MappingProxyType(self._pending)
        """Candidates being evaluated, in order of submission, by trial."""
        self._paused: dict[int, Entry] = {}
        self.paused: Mapping[int, Entry] = MappingProxyType(self._paused)
        """Candidates scored on a lower rung, which may yet be promoted, by trial."""
        self._evaluations: dict[int, Evaluation] = {}
        self.evaluations: Mapping[int, Evaluation] = MappingProxyType(self._evaluations)
        """Trials that are settled, rejected ones and duplicates included."""
        self.num_finished = 0
        """Candidates evaluated, with or without success."""
        self.num_trials = 0
        """Trials of any kind: the number of the next one."""
        self._clock = 0
        self._seen: set[int] = set()
        self._trials: dict[str, int] = {}
        """The trial that evaluates a network first, by the network's id."""
        self._waiting: dict[str, list[tuple[int, Candidate]]] = {}
        """Trials that repeat a network under evaluation, by its id."""
        self._counts: Counter[State] = Counter()

    # -- what is known -------------------------------------------------------------------------

    @property
    def clock(self) -> int:
        """Changes so far; each is stamped with its place among them."""
        return self._clock

    @property
    def archive(self) -> Archive:
        """Results, and estimates for networks that have only a score from a lower rung."""
        return self._extrapolator.archive

    @property
    def num_begun(self) -> int:
        """Candidates whose evaluation has begun, finished ones included."""
        return self.num_finished + len(self.pending) + len(self.paused)

    @property
    def waiting(self) -> frozenset[int]:
        """Trials scored below full training whose end is open: they may climb, or do so now."""
        climbing = (number for number, entry in self.pending.items() if entry.rungs)
        return frozenset((*self.paused, *climbing))

    @property
    def num_waiting(self) -> int:
        """Their number."""
        return len(self.paused) + sum(bool(entry.rungs) for entry in self.pending.values())

    @property
    def num_evaluated(self) -> int:
        """Candidates with a result from any rung, whether or not they may yet climb."""
        return self.num_finished + self.num_waiting

    @property
    def failed_in_full(self) -> bool:
        """Whether the full training of any candidate has failed."""
        settled = self.evaluations.values()
        return any(one.state == "failed" and len(one.rungs) == self.top for one in settled)

    def knows(self, arch_id: str) -> bool:
        """Whether this network was evaluated, on whatever rung, or is being evaluated."""
        return arch_id in self._trials

    def has(self, number: int) -> bool:
        """Whether this trial is on the books."""
        return number in self._seen

    def entry(self, number: int) -> Entry | None:
        """The candidate of a trial whose evaluation has begun and not ended."""
        return self.pending.get(number) or self.paused.get(number)

    def result_of(self, arch_id: str) -> Evaluation | None:
        """How this network's evaluation ended; None where it has not."""
        number = self._trials.get(arch_id)
        return None if number is None else self.evaluations.get(number)

    def count(self, state: State) -> int:
        """Number of trials that ended in `state`."""
        return self._counts[state]

    # -- a candidate's life --------------------------------------------------------------------

    def begin(self, number: int, candidate: Candidate) -> Entry:
        """A feasible candidate is to be evaluated on the lowest rung."""
        self._see(number)
        self._clock += 1
        self._trials.setdefault(candidate.arch.id, number)
        # Now, while the space remembers the network: building it again takes longest in `finish`.
        canonical = self._problem.space.canonical_genome(candidate.genome)
        entry = Entry(number=number, candidate=candidate, canonical=canonical)
        self._pending[number] = entry
        return entry

    def pause(self, number: int, score: RungScore) -> None:
        """A pending candidate has a score from below full training; whether it climbs is open."""
        self._clock += 1
        entry = self._pending.pop(number)
        entry = self._paused[number] = replace(entry, rungs=(*entry.rungs, score))
        member = self._member(entry, score.scores)
        self._promoter.add(len(entry.rungs) - 1, number, member.objective_vector)
        self._extrapolator.add(member)

    def promote(self) -> Entry | None:
        """The paused candidate that climbs next is pending again; None where none may climb."""
        number = self._promoter.promote()
        return None if number is None else self._climb(number)

    def promote_best(self) -> Entry | None:
        """The most accurate candidate on the highest rung is pending again; None without any."""
        if not self.paused:
            return None
        best = max(
            self.paused.values(),
            key=lambda one: (len(one.rungs), one.rungs[-1].scores.accuracy, -one.number),
        )
        self._promoter.mark_promoted(len(best.rungs) - 1, best.number)
        return self._climb(best.number)

    def mark_promoted(self, number: int) -> None:
        """A paused candidate climbs, as was decided before."""
        self._promoter.mark_promoted(len(self.paused[number].rungs) - 1, number)
        self._climb(number)

    def _climb(self, number: int) -> Entry:
        entry = self._paused.pop(number)
        promotions = (*entry.promotions, self._clock)
        entry = self._pending[number] = replace(entry, promotions=promotions)
        self._clock += 1
        return entry

    def assign(self, number: int, driver: str) -> None:
        """A pending candidate is evaluated by this driver from now on."""
        self._pending[number] = replace(self._pending[number], driver=driver)

    def finish(self, evaluation: Evaluation) -> bool:
        """A candidate is complete, failed or pruned; True if nothing known dominates it."""
        number = evaluation.number
        entry = self._pending.pop(number, None) or self._paused.pop(number)
        self.num_finished += 1
        self.settle(evaluation)
        if evaluation.state == "pruned":
            self._promoter.close(len(entry.rungs) - 1, number)
        if evaluation.state == "failed":
            self._extrapolator.drop(number)
        if evaluation.state != "complete" or self._trials[entry.candidate.arch.id] != number:
            return False
        assert evaluation.scores is not None
        member = self._member(entry, evaluation.scores)
        on_front = self.results.add(member)
        self._extrapolator.add(member)
        return on_front

    def _member(self, entry: Entry, scores: Scores) -> Member:
        candidate = entry.candidate
        assert candidate.cost is not None, "only feasible candidates are evaluated"
        return Member(
            number=entry.number,
            arch_id=candidate.arch.id,
            genome=entry.canonical,
            objective_vector=objective_vector(self._problem.objectives, candidate.cost, scores),
        )

    # -- trials that are not evaluated ---------------------------------------------------------

    def settle(self, evaluation: Evaluation) -> None:
        """A trial is settled: a rejected one, a duplicate, or a candidate that is finished."""
        self._see(evaluation.number)
        self._clock += 1
        self._evaluations[evaluation.number] = evaluation
        self._counts[evaluation.state] += 1

    def wait(self, number: int, candidate: Candidate) -> None:
        """A trial repeats a network under evaluation and gets its result when there is one."""
        self._see(number)
        self._clock += 1
        self._waiting.setdefault(candidate.arch.id, []).append((number, candidate))

    def pop_waiting(self, arch_id: str) -> list[tuple[int, Candidate]]:
        """Trials that waited for this network's result, and wait no longer."""
        return self._waiting.pop(arch_id, [])

    def pop_answered(self) -> list[tuple[Evaluation, int, Candidate]]:
        """Trials that wait although their network has a result, with that result."""
        results = {arch_id: self.result_of(arch_id) for arch_id in self._waiting}
        return [
            (first, number, candidate)
            for arch_id, first in results.items()
            if first is not None
            for number, candidate in self.pop_waiting(arch_id)
        ]

    def set_clock(self, clock: int) -> None:
        """Stamp the next change with this place: what was applied until now has its own stamps."""
        self._clock = clock

    def _see(self, number: int) -> None:
        self.num_trials = max(self.num_trials, number + 1)
        self._seen.add(number)
