"""One sampler on one table: workers that train for as long as the table says, without waiting."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.search import Contender
from nas.trial import Scores

if TYPE_CHECKING:
    from nas.bench._table import Row, Table
    from nas.search import Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """What is raced: a pure function of these fields, but for the time that asking takes."""

    table: str
    sampler: str
    seed: int
    budget: int
    """Trainings."""
    workers: int

    @property
    def replica(self) -> int:
        """The training seed whose accuracy the search is told: they take turns."""
        return self.seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """How a race went. Networks are named by their ids in the table."""

    race: Race
    trained: tuple[str, ...]
    """In order of completion; a sampler without deduplication trains some more than once."""
    finished_s: tuple[float, ...]
    """When each training ended, in simulated seconds."""
    repeats: tuple[int, ...]
    """Proposals answered from an earlier result until then."""
    ask_ms: tuple[float, ...]
    """CPU milliseconds of each proposal."""


def run_race(race: Race, table: Table) -> Finish:
    """Search a table until the budget is trained, or nothing is left."""
    contender = Contender(table, race.sampler, seed=race.seed)
    clock = _Clock(table, race)
    trained: list[Row] = []
    finished_s: list[float] = []
    repeats: list[int] = []
    while len(trained) < race.budget:
        clock.fill(contender)
        if not clock.running:
            break
        proposal, row = clock.next_to_finish()
        accuracy = row.search_accuracy(race.replica)
        contender.record(
            proposal, Scores(accuracy=accuracy, loss=1 - accuracy, train_s=row.train_s)
        )
        trained.append(row)
        finished_s.append(round(clock.now_s, 3))
        repeats.append(contender.num_repeats)
    return Finish(
        race=race,
        trained=tuple(row.id for row in trained),
        finished_s=tuple(finished_s),
        repeats=tuple(repeats),
        ask_ms=tuple(round(1e3 * seconds, 3) for seconds in contender.ask_s),
    )


class _Clock:
    """Simulated workers: a free one starts the next proposal at once."""

    def __init__(self, table: Table, race: Race) -> None:
        self._table = table
        self._workers = race.workers
        self._started = 0
        self.now_s = 0.0
        self.running: list[tuple[float, int, Proposal, Row]] = []
        """(end, order of start, proposal, row), a heap."""

    def fill(self, contender: Contender) -> None:
        """Start trainings while a worker is free and something is new."""
        while len(self.running) < self._workers:
            proposal = contender.propose()
            if proposal is None:
                return
            row = self._table.row(proposal.candidate.genome)
            entry = (self.now_s + row.train_s, self._started, proposal, row)
            heapq.heappush(self.running, entry)
            self._started += 1

    def next_to_finish(self) -> tuple[Proposal, Row]:
        """Move the clock to the next end of a training."""
        self.now_s, _, proposal, row = heapq.heappop(self.running)
        return proposal, row
