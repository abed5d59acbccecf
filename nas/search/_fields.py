"""What Optuna has no field for: user attributes of a study's trials, and how they are read."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import TrialState

from nas.records import read_record
from nas.search._store import Outcome, RungScore
from nas.trial import Scores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nas.metrics import Metric
    from nas.search._problem import Genes

OPENED = "nas.opened"
"""When the trial was opened, and the sampler's notes."""
DRIVER = "nas.driver"
"""Who evaluates the trial, where several drivers share the study; after a dot, a driver's last
sign of life, in the study's own attributes."""
RUNGS = "nas.rungs"
"""Scores from below full training, the cheapest rung first."""
PROMOTIONS = "nas.promotions"
"""When the candidate was promoted from each rung."""
RECORD = "nas"
"""How the trial ended."""


def distributions(space: Genes) -> dict[str, BaseDistribution]:
    """The space as Optuna sees it: one flat list of categorical parameters."""
    return {gene.name: CategoricalDistribution(gene.labels) for gene in space.genes}


def opened(at: int, notes: Mapping[str, Any]) -> dict[str, Any]:
    """The attribute of a new trial."""
    return {"at": at, **({"notes": dict(notes)} if notes else {})}


def written_scores(rungs: Sequence[RungScore]) -> list[dict[str, Any]]:
    """The attribute with scores from below full training."""
    return [{**asdict(one.scores), "at": one.at} for one in rungs]


def read_score(plain: Mapping[str, Any]) -> RungScore:
    """One of `written_scores`."""
    return RungScore(at=plain.get("at", 0), scores=read_record(Scores, plain))


def read_outcome(plain: Mapping[str, Any]) -> Outcome:
    """The attribute of a settled trial. Raises ValueError where it is none."""
    return read_record(Outcome, plain)


def end_of(
    objectives: tuple[Metric, ...], outcome: Outcome
) -> tuple[TrialState, list[float] | None]:
    """The state and the values with which Optuna closes a trial."""
    cost, scores = outcome.cost, outcome.scores
    if cost is None or scores is None:
        # Neither a score nor a failure: pruned on a lower rung.
        return (TrialState.FAIL if outcome.failure else TrialState.PRUNED), None
    return TrialState.COMPLETE, [one.value(cost, scores) for one in objectives]
