"""The loop: propose, evaluate, record, until the budget is spent."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nas.report import Progress, Snapshot
from nas.run._session import ProxyFactory
from nas.search import SearchStudy
from nas.trial import Task
from nas.workers import make_pool

if TYPE_CHECKING:
    from rich.console import Console

    from nas.run._session import Session
    from nas.run._settings import Placement
    from nas.search import Proposal
    from nas.trial import TrialResult
    from nas.workers import Factory, Pool

POLL_S = 1.0
"""How often the display is refreshed while nothing finishes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a session of a search ended."""

    evaluated: int
    elapsed_s: float
    exhausted: bool
    """The space holds no network that was not evaluated."""
    interrupted: bool
    """The user stopped it; `nas resume` goes on."""


def run_search(
    session: Session,
    placement: Placement,
    console: Console,
    *,
    factory: Factory | None = None,
) -> Outcome:
    """Evaluate networks until the budget is spent, the space is exhausted, or Ctrl-C.

    `factory` replaces the training of proxies, for tests and benchmarks. Raises UserError.
    """
    settings = session.settings
    with session.folder.lock():
        study = SearchStudy(
            session.problem,
            session.address,
            sampler=settings.sampler,
            seed=settings.seed,
            start=session.start,
        )
        make = factory or ProxyFactory(data=settings.data, data_dir=settings.data_dir)
        with (
            make_pool(
                placement.workers,
                make,
                address=placement.address,
                cpus_per_worker=placement.cpus_per_worker,
                gpus_per_worker=placement.gpus_per_worker,
                task_timeout_s=settings.task_timeout_s,
            ) as pool,
            Progress(console) as progress,
        ):
            return _Loop(session, study, pool, progress).run()


@dataclass(slots=True)
class _Loop:
    session: Session
    study: SearchStudy
    pool: Pool
    progress: Progress
    running: dict[int, Proposal] = field(default_factory=dict)
    exhausted: bool = False
    started: float = field(default_factory=time.monotonic)
    _snapshot_basis: tuple[int, int, float | None] = (-1, 0, None)

    def run(self) -> Outcome:
        interrupted = False
        self.session.folder.log(f"begins with {self.pool.description}")
        try:
            self._run()
        except KeyboardInterrupt:
            interrupted = True
        self.session.folder.log("interrupted" if interrupted else "ends")
        return Outcome(
            evaluated=self.study.num_evaluated,
            elapsed_s=time.monotonic() - self.started,
            exhausted=self.exhausted,
            interrupted=interrupted,
        )

    def _run(self) -> None:
        while True:
            self._fill()
            self.progress.update(self._snapshot())
            if not self.running:
                return
            result = self.pool.next_result(timeout_s=POLL_S)
            if result is not None:
                self._take(result)

    def _fill(self) -> None:
        """Give every free worker a network."""
        settings, study = self.session.settings, self.study
        while (
            not self.exhausted
            and len(self.running) < self.pool.num_workers
            and study.num_evaluated + len(self.running) < settings.budget
        ):
            rng = random.Random(f"{settings.seed}:{len(study.evaluations)}")
            proposal = study.propose(rng)
            if proposal is None:
                self.exhausted = True
                return
            arch = proposal.candidate.arch
            self.running[proposal.number] = proposal
            self.pool.submit(
                Task(
                    number=proposal.number,
                    arch=arch,
                    fidelity=settings.fidelity,
                    seed=settings.seed,
                )
            )

    def _take(self, result: TrialResult) -> None:
        candidate = self.running.pop(result.number).candidate
        folder, arch_id = self.session.folder, candidate.arch.id
        if result.ok and result.weights is not None:
            # Before the record: a network on the front must never lack its weights.
            folder.write_bytes(f"weights/{arch_id}.safetensors", result.weights)
        if self.study.record(candidate, result):
            front = (self.study.archive.genomes[i] for i in self.study.archive.front())
            decode = self.session.problem.space.decode
            folder.keep_weights({decode(genome).id for genome in front})
        elif result.weights is not None:
            folder.weights(arch_id).unlink(missing_ok=True)
        folder.log(_line(arch_id, result))

    def _snapshot(self) -> Snapshot:
        study = self.study
        complete = [one for one in study.evaluations.values() if one.state == "complete"]
        if len(complete) != self._snapshot_basis[0]:
            self._snapshot_basis = (len(complete), *self._front_measures())
        _, front_size, hypervolume = self._snapshot_basis
        return Snapshot(
            budget=self.session.settings.budget,
            finished=len(complete),
            running=len(self.running),
            reused=study.count("reused"),
            rejected=study.count("rejected"),
            failed=study.count("failed"),
            best_accuracy=max(
                (one.scores.accuracy for one in complete if one.scores), default=None
            ),
            front_size=front_size,
            hypervolume=hypervolume,
            elapsed_s=time.monotonic() - self.started,
            workers=self.pool.num_workers,
            dashboard=self.pool.dashboard_url,
        )

    def _front_measures(self) -> tuple[int, float]:
        """Size of the front and its share of the box."""
        archive, objectives = self.study.archive, self.session.problem.objectives
        front = archive.front()
        values = []
        for position in front:
            number = archive.finished[self._id_of(position)]
            one = self.study.evaluations[number]
            assert one.cost is not None
            assert one.scores is not None
            values.append(tuple(item.value(one.cost, one.scores) for item in objectives))
        return len(front), self.session.box.hypervolume(values)

    def _id_of(self, position: int) -> str:
        return self.session.problem.space.decode(self.study.archive.genomes[position]).id


def _line(arch_id: str, result: TrialResult) -> str:
    head = f"trial {result.number} network {arch_id} on {result.worker}"
    if result.ok and result.scores is not None:
        scores = result.scores
        return f"{head}: accuracy {scores.accuracy:.4f} after {scores.train_s:.1f} s"
    failure = result.failure
    return f"{head}: failed, {failure.kind}: {failure.message}" if failure else f"{head}: failed"
