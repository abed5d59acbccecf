"""A run's trials as a pandas data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.arch import summarize
from nas.errors import IllegalArchitecture
from nas.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from nas.metrics import Metric
    from nas.run._run import Run
    from nas.trial import Evaluation


def trials_frame(run: Run, evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """One row a trial, indexed by its number; open values come last, under their genes' names.

    A pruned network's scores are those of the highest rung that it reached.
    """
    import pandas as pd

    space = run.problem.space
    rows = [_row(one) | space.labels(one.genome) for one in evaluations]
    columns = ["trial", "state", "arch_id", *(one.column for one in METRICS.values())]
    return pd.DataFrame(rows, columns=None if rows else columns).set_index("trial")


def _row(evaluation: Evaluation) -> dict[str, object]:
    """One trial; None where something is not known of it."""
    try:
        arch_id: str | None = evaluation.arch.id
    except IllegalArchitecture:
        arch_id = None
    failure = evaluation.failure
    return {
        "trial": evaluation.number,
        "state": evaluation.state,
        "arch_id": arch_id,
        **{one.column: _value(evaluation, one) for one in METRICS.values()},
        "duplicate_of": evaluation.duplicate_of,
        "failure": f"{failure.kind}: {failure.message}" if failure else None,
        "description": summarize(evaluation.arch) if arch_id else None,
    }


def _value(evaluation: Evaluation, metric: Metric) -> float | None:
    scores = evaluation.scores or (evaluation.rungs[-1] if evaluation.rungs else None)
    record = evaluation.cost if metric.known_before_training else scores
    if record is None:
        return None
    if metric.is_custom:
        return record.custom.get(metric.name)
    value: float | None = getattr(record, metric.column)
    return value
