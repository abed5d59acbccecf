"""What Optuna has no field for: user attributes of a study's trials, and how they are read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The attribute of a new trial."""

    at: int = 0
    number: int | None = None
    """Of the trial, where nothing but its place among others would tell."""
    notes: dict[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready form, without what is not there."""
        return {name: value for name, value in asdict(self).items() if value not in (None, {})}


def written_scores(rungs: Sequence[RungScore]) -> list[dict[str, Any]]:
    """The attribute with scores from below full training."""
    return [{**asdict(one.scores), "at": one.at} for one in rungs]


def read_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What attributes say of a `StoredTrial`, by its fields; those of others say nothing.

    Raises ValueError, TypeError or AttributeError where one is not as it is written here.
    """
    told: dict[str, Any] = {}
    if OPENED in attributes:
        about = read_opened(attributes[OPENED])
        told |= {"at": about.at, "notes": about.notes}
    if RUNGS in attributes:
        told["rungs"] = tuple(map(_read_score, attributes[RUNGS]))
    if PROMOTIONS in attributes:
        told["promotions"] = read_record(_Promotions, {"at": attributes[PROMOTIONS]}).at
    if RECORD in attributes:
        told["outcome"] = read_record(Outcome, attributes[RECORD])
    if DRIVER in attributes:
        told["driver"] = str(attributes[DRIVER])
    return told


def read_opened(plain: object) -> Opened:
    """The attribute of a new trial. Raises ValueError where it is none."""
    return read_record(Opened, plain)


def _read_score(plain: Mapping[str, Any]) -> RungScore:
    return RungScore(at=plain.get("at", 0), scores=read_record(Scores, plain))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Promotions:
    at: tuple[int, ...]


def end_of(
    objectives: tuple[Metric, ...], outcome: Outcome
) -> tuple[TrialState, list[float] | None]:
    """The state and the values with which Optuna closes a trial."""
    cost, scores = outcome.cost, outcome.scores
    if cost is None or scores is None:
        # Neither a score nor a failure: pruned on a lower rung.
        return (TrialState.FAIL if outcome.failure else TrialState.PRUNED), None
    return TrialState.COMPLETE, [one.value(cost, scores) for one in objectives]
