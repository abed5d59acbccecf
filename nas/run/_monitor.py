"""What a monitoring system is told of a running search. docs/monitoring.md has the same list."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from nas.workers import Measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.report import Snapshot
    from nas.run._run import Run
    from nas.search import Ledger
    from nas.trial import Fidelity, TrialResult
    from nas.workers import Pool

PERIOD_S = 2.0
"""How often figures are handed over; Ray passes them on every 10 s."""

KINDS = ("Diverged", "OutOfMemory", "Timeout", "WorkerDied")
"""Failures that are told of before the first of them: a graph begins at 0."""


class Monitor:
    """Counts what a session of a search does, and hands figures to the pool of its workers."""

    def __init__(self, run: Run, ledger: Ledger) -> None:
        """Begin to count; trials and failures are the ledger's, whoever trained them."""
        self._name = run.path.name
        self._train_images = run.facts.train_images
        self._ledger = ledger
        self._images = 0
        self._training_s = 0.0
        self._worker_s = 0.0
        self._cpu_began_s = time.process_time()
        self._looked_s = time.monotonic()
        self._exported_s = float("-inf")

    def count(self, result: TrialResult, fidelity: Fidelity) -> None:
        """A training has ended."""
        if result.scores is not None:
            self._images += fidelity.folds * images_trained(fidelity, self._train_images)
            self._training_s += result.scores.train_s

    def show(self, pool: Pool, snapshot: Snapshot, *, now: bool = False) -> None:
        """Hand the figures over, if it is time or `now`."""
        looked_s = time.monotonic()
        self._worker_s += (looked_s - self._looked_s) * pool.num_ready
        self._looked_s = looked_s
        if now or looked_s - self._exported_s >= PERIOD_S:
            self._exported_s = looked_s
            pool.export(list(self._measures(snapshot, pool.num_ready)), run=self._name)

    def _measures(self, snapshot: Snapshot, workers: int) -> Iterator[Measure]:
        yield from self._of_trials(snapshot)
        yield from self._of_the_front(snapshot)
        yield _gauge("nas_budget", "Networks to evaluate in all.", snapshot.budget)
        yield _gauge("nas_workers", "Workers that can train now.", workers)
        yield _counter("nas_images", "Images trained on, repetitions included.", self._images)
        yield _counter("nas_training_seconds", "Spent training, all workers.", self._training_s)
        yield _counter("nas_worker_seconds", "That workers were there.", self._worker_s)
        cpu_s = time.process_time() - self._cpu_began_s
        yield _counter("nas_driver_cpu_seconds", "Proposing, recording and watching.", cpu_s)

    def _of_trials(self, snapshot: Snapshot) -> Iterator[Measure]:
        counts = {
            "complete": snapshot.finished,
            "pruned": self._ledger.count("pruned"),
            "paused": len(self._ledger.paused),
            "running": snapshot.running,
            "failed": snapshot.failed,
            "duplicate": snapshot.duplicates,
            "rejected": snapshot.rejected,
        }
        for state, count in counts.items():
            yield _gauge("nas_trials", "Trials by state.", count, ("state", state))
        for kind, count in self._failures().items():
            yield _gauge("nas_failures", "Failed trainings by kind.", count, ("kind", kind))

    def _failures(self) -> Counter[str]:
        """By kind, of networks that were trained: a duplicate of one has its failure too."""
        counts = Counter(dict.fromkeys(KINDS, 0))
        for one in self._ledger.evaluations.values():
            if one.state == "failed" and one.failure is not None:
                counts[one.failure.kind] += 1
        return counts

    def _of_the_front(self, snapshot: Snapshot) -> Iterator[Measure]:
        yield _gauge("nas_front_size", "Networks on the Pareto front.", snapshot.front_size)
        if snapshot.best_accuracy is not None:
            yield _gauge("nas_best_accuracy", "In [0, 1], validation.", snapshot.best_accuracy)
        if snapshot.hypervolume is not None:
            yield _gauge("nas_hypervolume", "Share of the run's box.", snapshot.hypervolume)


def images_trained(fidelity: Fidelity, available: int) -> int:
    """Images that one training sees: its length counts in steps, however few there are."""
    wanted = fidelity.train_images or available
    batch = min(fidelity.batch_size, wanted)
    return fidelity.epochs * (wanted // batch) * batch


def _gauge(
    name: str, description: str, value: float, label: tuple[str, str] | None = None
) -> Measure:
    return Measure(name=name, description=description, value=value, label=label)


def _counter(name: str, description: str, value: float) -> Measure:
    return Measure(name=name, description=description, value=value, kind="counter")
