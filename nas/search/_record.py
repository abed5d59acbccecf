"""Between an Optuna trial and our record of it: what Optuna has no field for is one attribute."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nas.trial import Cost, Evaluation, Failure, Scores

if TYPE_CHECKING:
    import optuna

    from nas.search._problem import Candidate, Problem
    from nas.trial import TrialResult

RECORD = "nas"
"""The attribute's name."""
RUNGS = "nas.rungs"
"""The attribute that keeps scores from below full training, from the first one on."""


def read_evaluation(problem: Problem, trial: optuna.trial.FrozenTrial) -> Evaluation | None:
    """A trial as a record; None for one that never got so far."""
    record = trial.user_attrs.get(RECORD)
    if record is None:
        return None
    genome = problem.space.genome(trial.params)
    return Evaluation(
        number=trial.number,
        state=record["state"],
        arch=problem.space.decode(genome),
        cost=_read_cost(record["cost"], problem, trial) if record["cost"] else None,
        scores=Scores(**record["scores"]) if record["scores"] else None,
        failure=Failure(**record["failure"]) if record["failure"] else None,
        rungs=read_rungs(trial),
        duplicate_of=record["duplicate_of"],
        genome=genome,
        finished_s=trial.datetime_complete.timestamp() if trial.datetime_complete else None,
    )


def _read_cost(
    plain: dict[str, Any], problem: Problem, trial: optuna.trial.FrozenTrial
) -> Cost | None:
    if "kernel_params" in plain:
        return Cost(**plain)
    # Written before costs told kernels from norms: they follow from the architecture.
    return problem.candidate(problem.space.genome(trial.params)).cost


def read_rungs(trial: optuna.trial.FrozenTrial) -> tuple[Scores, ...]:
    """Scores from below full training, the cheapest rung first."""
    return tuple(Scores(**scores) for scores in trial.user_attrs.get(RUNGS, ()))


def to_record(evaluation: Evaluation) -> dict[str, Any]:
    """What the trial's attribute holds, ready for JSON."""
    return {
        "state": evaluation.state,
        "arch_id": evaluation.arch.id if evaluation.cost else None,
        "cost": asdict(evaluation.cost) if evaluation.cost else None,
        "scores": asdict(evaluation.scores) if evaluation.scores else None,
        "failure": asdict(evaluation.failure) if evaluation.failure else None,
        "duplicate_of": evaluation.duplicate_of,
    }


def evaluation_of(
    candidate: Candidate, result: TrialResult, rungs: tuple[Scores, ...] = ()
) -> Evaluation:
    """A worker's result as the study keeps it; `rungs` are its scores from earlier rungs."""
    failure = None if result.ok else result.failure or _not_finite(result)
    return Evaluation(
        number=result.number,
        state="failed" if failure else "complete",
        arch=candidate.arch,
        cost=candidate.cost,
        scores=None if failure else result.scores,
        failure=failure,
        rungs=rungs,
    )


def _not_finite(result: TrialResult) -> Failure:
    return Failure(kind="NotFinite", message=f"the worker returned {result.scores}")
