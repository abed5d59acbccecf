"""The front as records: which trials are on it, which to pick, and `front.csv`."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from nas.report._files import replacing
from nas.report._pareto import knee, pareto_front

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nas.arch import Architecture
    from nas.trial import Cost, Evaluation, Objective, Scores

COLUMNS = (
    "trial",
    "arch_id",
    "accuracy",
    "loss",
    "params",
    "ring_params",
    "kernel_params",
    "frozen_params",
    "macs",
    "peak_activation_bytes",
    "stored_bytes",
    "int8_stored_bytes",
    "latency_us",
    "train_s",
    "description",
)
"""The columns of `front.csv`, named and measured as the fields of `Cost` and `Scores`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontRow:
    """One network on the front."""

    trial: int
    arch_id: str
    cost: Cost
    scores: Scores
    description: str = ""
    """The architecture in a few words."""

    def values(self, objectives: Sequence[Objective]) -> tuple[float, ...]:
        """This network's value of each objective."""
        return tuple(one.value(self.cost, self.scores) for one in objectives)


def front_rows(
    evaluations: Sequence[Evaluation],
    objectives: Sequence[Objective],
    *,
    describe: Callable[[Architecture], str] | None = None,
) -> tuple[FrontRow, ...]:
    """The Pareto front of the complete trials, best first in the first objective.

    Args:
        evaluations: Trials in any state; only complete ones can be on the front.
        objectives: What "better" means.
        describe: Gives a row's `description`; empty without it.
    """
    rows = complete_rows(evaluations, describe=describe)
    directions = [objective.direction for objective in objectives]
    front = pareto_front([row.values(objectives) for row in rows], directions)
    return tuple(rows[index] for index in front)


def complete_rows(
    evaluations: Sequence[Evaluation], *, describe: Callable[[Architecture], str] | None = None
) -> tuple[FrontRow, ...]:
    """One row for every complete trial, in the order given."""
    return tuple(
        FrontRow(
            trial=one.number,
            arch_id=one.arch.id,
            cost=one.cost,
            scores=one.scores,
            description=describe(one.arch) if describe else "",
        )
        for one in evaluations
        if one.state == "complete" and one.cost is not None and one.scores is not None
    )


def best_row(rows: Sequence[FrontRow]) -> int:
    """Index of the most accurate row; of equally accurate ones, that with the fewest parameters.

    Raises:
        ValueError: `rows` is empty.
    """
    if not rows:
        raise ValueError("an empty front has no best row")
    return min(range(len(rows)), key=lambda i: (-rows[i].scores.accuracy, rows[i].cost.params, i))


def knee_row(rows: Sequence[FrontRow], objectives: Sequence[Objective]) -> int:
    """Index of the best compromise, as `knee` defines it."""
    return knee([row.values(objectives) for row in rows], objectives)


def write_front_csv(path: Path, rows: Sequence[FrontRow]) -> None:
    """Write the rows under the names in `COLUMNS`; readers never see half a file.

    Raises:
        RunFolderError: the file cannot be written.
    """
    with replacing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_cells(row) for row in rows)


def _cells(row: FrontRow) -> dict[str, object]:
    names = {"trial": row.trial, "arch_id": row.arch_id, "description": row.description}
    stored = {name: getattr(row.cost, name) for name in ("stored_bytes", "int8_stored_bytes")}
    return {**names, **asdict(row.cost), **stored, **asdict(row.scores)}
