"""The loop: propose, evaluate, record, until the budget is spent. On any pool, for any purpose."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from nas.trial import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nas.search._engine import Proposal, SearchEngine
    from nas.trial import Fidelity, TrialResult

WORKERS_PER_CHOICE = 32
"""For each so many workers one more network is chosen at a time."""
WORKERS_PER_PLACE = 8
"""Of many workers, for each so many one network waits in line while the next ones are chosen."""
MAX_CHOICES = 4
"""Of that number, how many times it is chosen at once where workers stand idle."""
WINDOW = 16
"""Networks handed out at a time where results are taken in order; more workers than so many have
nothing to do."""
POLL_S = 1.0
"""How often the display is refreshed while nothing finishes."""


class Workers(Protocol):
    """What the loop needs of `nas.workers.Pool`."""

    num_workers: int

    def submit(self, task: Task) -> None:
        """Hand a task over."""

    def next_result(self, timeout_s: float | None = None) -> TrialResult | None:
        """The next task to finish; None when the time is over."""


class LoopEvents:
    """What a caller may do beside the search; override what is of interest."""

    def on_wait(self, loop: SearchLoop) -> None:
        """Workers have what they can have; results are waited for next."""

    def before_record(self, proposal: Proposal, result: TrialResult) -> None:
        """A result has come; it is not recorded yet."""

    def after_record(self, proposal: Proposal, result: TrialResult, *, on_front: bool) -> None:
        """It is recorded; `on_front`: nothing known dominates the network."""


class SearchLoop:
    """Keeps the workers of a pool busy with an engine's proposals."""

    def __init__(
        self,
        engine: SearchEngine,
        workers: Workers,
        *,
        budget: int,
        rungs: Sequence[Fidelity],
        seed: int,
        events: LoopEvents | None = None,
        poll_s: float | None = POLL_S,
        in_order: bool = False,
        time_is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        """Nothing is proposed yet.

        Args:
            engine: Proposes and records.
            workers: Train.
            budget: Networks to evaluate, those of earlier sessions included.
            rungs: The ladder's fidelities, full training last.
            seed: The trainings'.
            events: What else is to happen.
            poll_s: Seconds after which the events hear of a wait again; None: not before a
                result has come.
            in_order: Whether results are taken in order of the proposals, of which `WINDOW` are
                always handed out: the search is then the same whatever the number of workers.
                Results that have come before their turn, `WINDOW` - 1 at most, are not kept where
                a session ends: recorded, they would tell later proposals what these must not
                know. Another session trains their networks again.
            time_is_over: Asked before each proposal; once it is, none is made any more, and what
                waits on the ladder is left for another session. What runs ends first; `in_order`
                it is left too, as later proposals must not know of it earlier.
        """
        self.engine = engine
        self.workers = workers
        self.running: dict[int, Proposal] = {}
        """By trial."""
        self.exhausted = False
        """Whether no feasible network was found that had not begun."""
        self._budget = budget
        self._rungs = rungs
        self._seed = seed
        self._events = events or LoopEvents()
        self._poll_s = poll_s
        self._in_order = in_order
        self._time_is_over = time_is_over
        self.out_of_time = False
        """Whether the time was over with something left to do."""
        self._early: dict[int, TrialResult] = {}
        """Results that have come before their turn."""

    def run(self) -> None:
        """Propose, evaluate, record, until nothing is left to do, or the time is over."""
        with self.engine.alive():
            while self.step():
                pass
            if not self.out_of_time:
                self.engine.finish()

    def step(self) -> bool:
        """Fill the workers and take in what has come; False if nothing is left to do."""
        self._fill()
        if self.out_of_time and self._in_order:
            return False
        if (
            not self.running
            and not self.out_of_time
            and (last := self.engine.propose_one_in_full()) is not None
        ):
            self._submit([last])
        self._events.on_wait(self)
        if not self.running:
            waits = self.engine.waits_for_others and not self.out_of_time
            if waits:
                time.sleep(self._poll_s or POLL_S)
            return waits
        results: list[TrialResult] = []
        try:
            self._fetch(results)
        finally:
            # Where workers are lost while more are waited for, what has come is not.
            self._record(results)
        return True

    def _record(self, results: list[TrialResult]) -> None:
        if self._in_order:
            self._early.update((result.number, result) for result in results)
            results = self._next_in_order()
        if results:
            with self.engine.turn():
                for result in results:
                    self._take(result)

    def _next_in_order(self) -> list[TrialResult]:
        """The result of the oldest proposal handed out, if it has come."""
        oldest = next(iter(self.running))
        return [self._early.pop(oldest)] if oldest in self._early else []

    def _fill(self) -> None:
        """Give every worker a network, and have some more in line where there are many workers.

        What is in line is begun while the next ones are chosen.
        """
        num_workers = self.workers.num_workers
        many = num_workers >= WORKERS_PER_CHOICE
        least = num_workers // WORKERS_PER_CHOICE if many else 1
        target = num_workers + (num_workers // WORKERS_PER_PLACE if many else 0)
        if self._in_order:
            least, target = 1, WINDOW
        while (missing := target - len(self.running)) >= least:
            with self.engine.turn():
                together = 1 if self._in_order else min(missing, MAX_CHOICES * least)
                proposals = self._propose_together(together)
            self._submit(proposals)
            if not proposals:
                return

    def _propose_together(self, count: int) -> list[Proposal]:
        self.engine.expect(count)
        return list(islice(iter(self._propose, None), count))

    def _submit(self, proposals: list[Proposal]) -> None:
        for proposal in proposals:
            self.running[proposal.number] = proposal
            self.workers.submit(
                Task(
                    number=proposal.number,
                    arch=proposal.candidate.arch,
                    fidelity=self._rungs[proposal.rung],
                    seed=self._seed,
                )
            )

    def _fetch(self, results: list[TrialResult]) -> None:
        """Append a result, and with many workers whatever else has come; none if none in time."""
        if self._in_order and next(iter(self.running)) in self._early:
            return
        wait_s = self._poll_s
        while (result := self.workers.next_result(timeout_s=wait_s)) is not None:
            results.append(result)
            if self.workers.num_workers == 1:
                return  # It would only now begin what is in line.
            wait_s = 0.0

    def _propose(self) -> Proposal | None:
        """A network that climbs the ladder, or a new one as long as budget and space allow."""
        ledger = self.engine.ledger
        all_begun = self.exhausted or ledger.num_begun >= self._budget
        if self._time_is_over() and (ledger.paused or not all_begun):
            self.out_of_time = True
            return None
        if all_begun:
            return self.engine.propose_begun()
        proposal = self.engine.propose()
        self.exhausted = proposal is None
        return proposal

    def _take(self, result: TrialResult) -> None:
        proposal = self.running.pop(result.number)
        if not self.engine.evaluates(result.number):
            return  # Another driver took it over while this one seemed gone.
        self._events.before_record(proposal, result)
        on_front = self.engine.record(result)
        self._events.after_record(proposal, result, on_front=on_front)
