"""Where trials are kept: what an engine asks of a store, and one that forgets with the process."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from nas.search._drivers import SignsOfLife
from nas.trial import Cost, Failure, Scores, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from nas.space import Genome
    from nas.trial import Evaluation


class DamagedStudy(ValueError):
    """What a study holds does not fit together; the message says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A change with its place among all changes of the search."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Stamped):
    """How a trial ended."""

    state: State
    cost: Cost | None
    scores: Scores | None = None
    failure: Failure | None = None
    duplicate_of: int | None = None
    arch_id: str | None = None
    """The network's; None where it is none that could be built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RungScore(Stamped):
    """A score from below full training."""

    scores: Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrial(Stamped):
    """One trial as a store keeps it; `at` is when it was opened."""

    number: int
    genome: Genome
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What the sampler asked to have kept."""
    rungs: tuple[RungScore, ...] = ()
    promotions: tuple[int, ...] = ()
    """When the candidate was promoted from each rung."""
    outcome: Outcome | None = None
    closed: bool = False
    """False with an outcome: the writer was killed before it could close the trial."""
    finished_s: float | None = None
    """Unix time at which the trial was closed."""
    driver: str = ""
    """Who evaluates it, where several drivers share the study."""


class TrialStore(Protocol):
    """Keeps trials; every method but `batch` is called within a batch.

    A batch is one write where the storage can do so. What a kill leaves is a prefix of the
    changes, in order; no change is left half done that `read` would not repair.
    """

    def batch(self) -> AbstractContextManager[None]:
        """Gather changes into one write, and keep other writers out. Raises StorageError."""
        ...

    def open_trial(self, genome: Genome, *, at: int, notes: Mapping[str, Any]) -> int:
        """A new trial; returns its number: 0, 1, 2, ..."""
        ...

    def add_score(self, number: int, rungs: Sequence[RungScore]) -> None:
        """The last of these scores is new."""
        ...

    def add_promotion(self, number: int, promotions: Sequence[int]) -> None:
        """The last of these promotions is new."""
        ...

    def settle(self, evaluation: Evaluation, *, at: int) -> None:
        """Write how a trial ended, then close it."""
        ...

    def close(self, trial: StoredTrial) -> None:
        """Close a trial whose outcome was written but which was left open."""
        ...

    def read(self) -> Sequence[StoredTrial]:
        """All trials, in order of their numbers."""
        ...


class SharedStore(TrialStore, SignsOfLife, Protocol):
    """A store that several drivers may use at once; a batch keeps the others out."""

    def take_over(self, number: int) -> None:
        """This driver evaluates the trial now."""
        ...

    def changes(self) -> Sequence[StoredTrial]:
        """Trials that may have changed since they were read last."""
        ...


class MemoryStore:
    """Trials in this process: for benchmarks and tests."""

    def __init__(self) -> None:
        self._trials: list[StoredTrial] = []

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Nothing to gather."""
        yield

    def open_trial(self, genome: Genome, *, at: int, notes: Mapping[str, Any]) -> int:
        """A new trial; returns its number."""
        number = len(self._trials)
        self._trials.append(StoredTrial(number=number, genome=genome, at=at, notes=dict(notes)))
        return number

    def add_score(self, number: int, rungs: Sequence[RungScore]) -> None:
        """The last of these scores is new."""
        self._trials[number] = replace(self._trials[number], rungs=tuple(rungs))

    def add_promotion(self, number: int, promotions: Sequence[int]) -> None:
        """The last of these promotions is new."""
        self._trials[number] = replace(self._trials[number], promotions=tuple(promotions))

    def settle(self, evaluation: Evaluation, *, at: int) -> None:
        """Write how a trial ended."""
        outcome = outcome_of(evaluation, at=at)
        trial = self._trials[evaluation.number]
        self._trials[evaluation.number] = replace(trial, outcome=outcome, closed=True)

    def close(self, trial: StoredTrial) -> None:
        """Never needed: outcome and end are one change."""

    def read(self) -> Sequence[StoredTrial]:
        """All trials."""
        return tuple(self._trials)


def outcome_of(evaluation: Evaluation, *, at: int) -> Outcome:
    """What a store keeps of a settled trial."""
    return Outcome(
        at=at,
        state=evaluation.state,
        cost=evaluation.cost,
        scores=evaluation.scores,
        failure=evaluation.failure,
        duplicate_of=evaluation.duplicate_of,
        arch_id=evaluation.arch.id if evaluation.cost else None,
    )
