"""An engine made anew: what its store holds, applied to the ledger as it happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from nas.search._collector import no_garbage_collection
from nas.search._outcomes import check_network, duplicate, rejected, restored, values_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nas.search._ledger import Entry, Ledger
    from nas.search._problem import SearchProblem
    from nas.search._store import StoredTrial, TrialStore
    from nas.search.samplers import Sampler
    from nas.trial import Evaluation

    Kind = Literal["open", "score", "promote", "settle"]

WITHOUT_EVALUATION = ("rejected", "duplicate")


class Replay:
    """Applies stored changes, and mends what a kill left half done."""

    def __init__(
        self, problem: SearchProblem, store: TrialStore, ledger: Ledger, sampler: Sampler
    ) -> None:
        """`ledger` and `sampler` are new; `store` is within a batch."""
        self._problem = problem
        self._store = store
        self._ledger = ledger
        self._sampler = sampler
        self._illegal: list[Evaluation] = []
        """Proposals that were to be rejected when the search was killed."""

    @no_garbage_collection()
    def run(self) -> list[Entry]:
        """Apply everything; returns what was under way, in order of submission."""
        self.take_in(self._store.read())
        self._mend()
        return list(self._ledger.pending.values())

    def take_in(self, trials: Sequence[StoredTrial]) -> None:
        """Apply whatever the ledger does not know of these trials."""
        by_number = {trial.number: trial for trial in trials}
        clock = self._ledger.clock
        for at, number, place, kind in sorted(
            change for trial in trials for change in _changes(trial)
        ):
            if self._is_news(number, kind, place):
                self._apply(by_number[number], kind, place)
            clock = max(clock, at + 1)
        self._ledger.set_clock(clock)
        for trial in trials:
            if trial.number in self._ledger.pending:
                self._ledger.assign(trial.number, trial.driver)

    def _is_news(self, number: int, kind: Kind, place: int) -> bool:
        ledger = self._ledger
        if kind == "open":
            return not ledger.has(number)
        entry = ledger.entry(number)
        if kind == "score":
            return entry is not None and place // 2 >= len(entry.rungs)
        if kind == "promote":
            return entry is not None and place // 2 >= len(entry.promotions)
        return number not in ledger.evaluations

    def _apply(self, trial: StoredTrial, kind: Kind, place: int) -> None:
        ledger, number = self._ledger, trial.number
        if kind == "open":
            self._open(trial)
        elif kind == "score":
            self._climb_unless_pending(number)
            ledger.pause(number, trial.rungs[place // 2])
        elif kind == "promote":
            self._climb_unless_pending(number)
        else:
            self._settle(trial)

    def _open(self, trial: StoredTrial) -> None:
        self._sampler.recall(trial.number, trial.genome, trial.notes)
        if trial.outcome is not None and trial.outcome.state in WITHOUT_EVALUATION:
            return
        candidate = self._problem.candidate(trial.genome)
        check_network(trial, candidate.arch)
        if trial.outcome is not None:
            self._ledger.begin(trial.number, candidate)
        elif candidate.reason is not None:
            self._illegal.append(rejected(trial.number, candidate))
        elif self._ledger.knows(candidate.arch.id):
            self._ledger.wait(trial.number, candidate)
        else:
            self._ledger.begin(trial.number, candidate)

    def _settle(self, trial: StoredTrial) -> None:
        entry = self._ledger.entry(trial.number)
        # To cost a network anew takes most of the time of going on.
        known = self._problem.candidate(trial.genome) if entry is None else entry.candidate
        evaluation = restored(trial, known.arch)
        if evaluation.state in WITHOUT_EVALUATION:
            self._ledger.settle(evaluation)
        else:
            if evaluation.state != "pruned":
                self._climb_unless_pending(trial.number)
            self._ledger.finish(evaluation)
        if not trial.closed:
            # Killed between the two writes of one batch.
            self._store.close(trial)
        self._tell(evaluation)

    def _climb_unless_pending(self, number: int) -> None:
        """The candidate was promoted, as it says or a score from above."""
        if number in self._ledger.paused:
            self._ledger.mark_promoted(number)

    def _mend(self) -> None:
        """Settle what a kill left open although its end was known."""
        for evaluation in self._illegal:
            self._end(evaluation)
        for first, number, candidate in self._ledger.pop_answered():
            self._end(duplicate(number, candidate, first))

    def _end(self, evaluation: Evaluation) -> None:
        self._store.settle(evaluation, at=self._ledger.clock)
        self._ledger.settle(evaluation)
        self._tell(evaluation)

    def _tell(self, evaluation: Evaluation) -> None:
        values = values_of(self._problem.objectives, evaluation)
        self._sampler.tell(evaluation.number, evaluation.genome, values)


def _changes(trial: StoredTrial) -> Iterator[tuple[int, int, int, Kind]]:
    """When, trial, place within the trial, and kind of each change of a trial."""
    yield trial.at, trial.number, -1, "open"
    for rung, score in enumerate(trial.rungs):
        yield score.at, trial.number, 2 * rung, "score"
    # A promotion says nothing where the score that led to it is lost.
    for rung, (at, _) in enumerate(zip(trial.promotions, trial.rungs, strict=False)):
        yield at, trial.number, 2 * rung + 1, "promote"
    if trial.outcome is not None:
        yield trial.outcome.at, trial.number, 2 * len(trial.rungs) + 1, "settle"
