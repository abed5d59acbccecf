"""How a trial ends, as a record: complete, failed, pruned, rejected or a duplicate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.errors import IllegalArchitecture
from nas.search._store import DamagedStudy
from nas.trial import Evaluation, Failure

if TYPE_CHECKING:
    from nas.arch import Architecture
    from nas.metrics import Metric
    from nas.search._ledger import Entry
    from nas.search._problem import Candidate
    from nas.search._store import StoredTrial
    from nas.trial import Scores, TrialResult


def evaluated(entry: Entry, result: TrialResult) -> Evaluation:
    """A candidate whose training is over: complete, or failed."""
    failure = None if result.ok else result.failure or _not_finite(result)
    return Evaluation(
        number=entry.number,
        state="failed" if failure else "complete",
        arch=entry.candidate.arch,
        cost=entry.candidate.cost,
        scores=None if failure else result.scores,
        failure=failure,
        rungs=_scores(entry),
        genome=entry.candidate.genome,
    )


def _not_finite(result: TrialResult) -> Failure:
    return Failure(kind="NotFinite", message=f"the worker returned {result.scores}")


def pruned(entry: Entry) -> Evaluation:
    """A candidate that was never promoted to full training."""
    return Evaluation(
        number=entry.number,
        state="pruned",
        arch=entry.candidate.arch,
        cost=entry.candidate.cost,
        rungs=_scores(entry),
        genome=entry.candidate.genome,
    )


def _scores(entry: Entry) -> tuple[Scores, ...]:
    return tuple(one.scores for one in entry.rungs)


def rejected(number: int, candidate: Candidate) -> Evaluation:
    """A proposal that must not be trained, with the reason."""
    assert candidate.reason is not None
    return Evaluation(
        number=number,
        state="rejected",
        arch=candidate.arch,
        cost=candidate.cost,
        failure=Failure(kind="Rejected", message=candidate.reason),
        genome=candidate.genome,
    )


def duplicate(number: int, candidate: Candidate, first: Evaluation) -> Evaluation:
    """A proposal whose network was evaluated before: it takes that result over."""
    return Evaluation(
        number=number,
        state="duplicate",
        arch=candidate.arch,
        cost=candidate.cost,
        scores=first.scores,
        failure=first.failure,
        duplicate_of=first.number,
        genome=candidate.genome,
    )


def restored(trial: StoredTrial, arch: Architecture) -> Evaluation:
    """A settled trial as the store has it, with its network. Raises DamagedStudy."""
    outcome = trial.outcome
    assert outcome is not None
    check_network(trial, arch)
    return Evaluation(
        number=trial.number,
        state=outcome.state,
        arch=arch,
        cost=outcome.cost,
        scores=outcome.scores,
        failure=outcome.failure,
        rungs=tuple(one.scores for one in trial.rungs),
        duplicate_of=outcome.duplicate_of,
        genome=trial.genome,
        finished_s=trial.finished_s,
    )


def check_network(trial: StoredTrial, arch: Architecture) -> None:
    """Raise DamagedStudy where a trial was recorded of another network than its settings give."""
    recorded = None if trial.outcome is None else trial.outcome.arch_id
    if recorded is not None and recorded != (given := id_of(arch)):
        raise DamagedStudy(
            f"the record of trial {trial.number} is of network {recorded}, and its settings give "
            f"{given or 'none'}"
        )


def id_of(arch: Architecture) -> str | None:
    """The network's id; None where it is none that could be built."""
    try:
        return arch.id
    except IllegalArchitecture:
        return None


def values_of(objectives: tuple[Metric, ...], evaluation: Evaluation) -> tuple[float, ...] | None:
    """Each objective's value in its own unit; None without a result."""
    cost, scores = evaluation.cost, evaluation.scores
    if cost is None or scores is None:
        return None
    return tuple(one.value(cost, scores) for one in objectives)
