"""The loop: propose, evaluate, record, until the budget is spent. On any pool, for any purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nas.trial import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.search._engine import Proposal, SearchEngine
    from nas.trial import Fidelity, TrialResult

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
    ) -> None:
        """`rungs` are the ladder's fidelities, full training last; `seed` is the trainings'.

        `poll_s`: seconds after which the events hear of a wait again; None: only after a result.
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

    def run(self) -> None:
        """Propose, evaluate, record, until nothing is left to do."""
        while self.step():
            pass
        self.engine.finish()

    def step(self) -> bool:
        """Fill the workers and take in at most one result; False if nothing is left to do."""
        self._fill()
        self._events.on_wait(self)
        if not self.running:
            return False
        result = self.workers.next_result(timeout_s=self._poll_s)
        if result is not None:
            self._take(result)
        return True

    def _fill(self) -> None:
        """Give every free worker a network."""
        while len(self.running) < self.workers.num_workers:
            proposal = self._propose()
            if proposal is None:
                return
            self.running[proposal.number] = proposal
            self.workers.submit(
                Task(
                    number=proposal.number,
                    arch=proposal.candidate.arch,
                    fidelity=self._rungs[proposal.rung],
                    seed=self._seed,
                )
            )

    def _propose(self) -> Proposal | None:
        """A network that climbs the ladder, or a new one as long as budget and space allow."""
        if self.exhausted or self.engine.ledger.num_begun >= self._budget:
            return self.engine.propose_begun()
        proposal = self.engine.propose()
        self.exhausted = proposal is None
        return proposal

    def _take(self, result: TrialResult) -> None:
        proposal = self.running.pop(result.number)
        self._events.before_record(proposal, result)
        on_front = self.engine.record(result)
        self._events.after_record(proposal, result, on_front=on_front)
