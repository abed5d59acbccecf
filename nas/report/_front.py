"""The front as records: which trials are on it, which to pick, and `front.csv`."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nas.metrics import METRICS, score_of
from nas.report._files import replacing
from nas.report._pareto import knee, pareto_front

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nas.arch import Architecture
    from nas.metrics import Limit, Metric
    from nas.trial import Cost, Evaluation, Scores


def csv_columns() -> tuple[str, ...]:
    """The columns of `front.csv`: every metric, under the name of its field."""
    return ("trial", "arch_id", *(one.column for one in METRICS.values()), "description")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontRow:
    """One network on the front."""

    trial: int
    arch: Architecture
    cost: Cost
    scores: Scores
    description: str = ""
    """The architecture in a few words."""

    @property
    def arch_id(self) -> str:
        """The architecture's id."""
        return self.arch.id

    def keeps(self, limits: Sequence[Limit]) -> bool:
        """Whether this network is within the limits."""
        values = ((limit, limit.metric.value(self.cost, self.scores)) for limit in limits)
        return all(limit.complaint(value) is None for limit, value in values)

    def values(self, objectives: Sequence[Metric]) -> tuple[float, ...]:
        """This network's value of each objective."""
        return tuple(one.value(self.cost, self.scores) for one in objectives)


def front_rows(
    evaluations: Sequence[Evaluation],
    objectives: Sequence[Metric],
    *,
    limits: Sequence[Limit] = (),
    describe: Callable[[Architecture], str] | None = None,
) -> tuple[FrontRow, ...]:
    """The Pareto front of the complete trials, best first in the first objective.

    Args:
        evaluations: Trials in any state; only complete ones can be on the front.
        objectives: What "better" means.
        limits: What keeps a network off the front, however good it is otherwise.
        describe: Gives a row's `description`; empty without it.
    """
    rows = [row for row in complete_rows(evaluations) if row.keeps(limits)]
    directions = [objective.direction for objective in objectives]
    front = pareto_front([row.values(objectives) for row in rows], directions)
    if describe is None:
        return tuple(rows[index] for index in front)
    return tuple(replace(rows[index], description=describe(rows[index].arch)) for index in front)


def complete_rows(evaluations: Sequence[Evaluation]) -> tuple[FrontRow, ...]:
    """One row for every complete trial, in the order given; without descriptions."""
    return tuple(
        FrontRow(trial=one.number, arch=one.arch, cost=one.cost, scores=one.scores)
        for one in evaluations
        if one.state == "complete" and one.cost is not None and one.scores is not None
    )


def best_row(rows: Sequence[FrontRow], objectives: Sequence[Metric] = ()) -> int:
    """Index of the most accurate row; of equally accurate ones, that with the fewest parameters.

    Accuracy, unless the objectives have another score.

    Raises:
        ValueError: `rows` is empty.
    """
    if not rows:
        raise ValueError("an empty front has no best row")
    score = score_of(objectives) if objectives else METRICS["accuracy"]
    values = [score.value(row.cost, row.scores) for row in rows]
    return min(range(len(rows)), key=lambda i: (-values[i], rows[i].cost.params, i))


def knee_row(rows: Sequence[FrontRow], objectives: Sequence[Metric]) -> int:
    """Index of the best compromise, as `knee` defines it."""
    return knee([row.values(objectives) for row in rows], objectives)


def write_front_csv(path: Path, rows: Sequence[FrontRow]) -> None:
    """Write the rows under `csv_columns`; readers never see half a file.

    Raises:
        RunFolderError: the file cannot be written.
    """
    with replacing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, csv_columns(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(_cells(row) for row in rows)


def _cells(row: FrontRow) -> dict[str, object]:
    names = {"trial": row.trial, "arch_id": row.arch_id, "description": row.description}
    return {**names, **{one.column: _cell(row, one) for one in METRICS.values()}}


def _cell(row: FrontRow, metric: Metric) -> object:
    record = row.cost if metric.known_before_training else row.scores
    if metric.is_custom:
        return record.custom.get(metric.name)
    return getattr(record, metric.column)
