"""Full trainings that a run folder holds, as `nas train` leaves them under `final/`."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nas.records import read_record
from nas.report._document import Curve, FinalTraining

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class _Model:
    id: str


@dataclass(frozen=True, slots=True)
class _Seed:
    test: dict[str, float]
    validation: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Report:
    """What a page needs of a `report.json`."""

    model: _Model
    recipe: str
    seeds: tuple[_Seed, ...]

    def __post_init__(self) -> None:
        """Raise ValueError without a seed."""
        if not self.seeds:
            raise ValueError("seeds: none")


def read_finals(run_folder: Path) -> tuple[FinalTraining, ...]:
    """Every full training in `RUN/final` that is over, by the name of its folder."""
    folder = run_folder / "final"
    score = _score(folder / "final.json")
    read = (_read(path, score) for path in sorted(folder.glob("**/report.json")))
    return tuple(one for one in read if one is not None)


def _score(path: Path) -> str:
    """What the final front is judged by; accuracy before there is one."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["score"])
    except (OSError, ValueError, KeyError, TypeError):
        return "accuracy"


def _read(path: Path, score: str) -> FinalTraining | None:
    """None for what is no report of a full training, or is being written."""
    try:
        report = read_record(_Report, json.loads(path.read_text(encoding="utf-8")))
        return FinalTraining(
            arch_id=report.model.id,
            recipe=report.recipe,
            split="test",
            accuracies=tuple(one.test["accuracy"] for one in report.seeds),
            curves=tuple(_curves(path.parent / "curves.csv")),
            score=score,
            validation_scores=_scores([one.validation for one in report.seeds], score),
            test_scores=_scores([one.test for one in report.seeds], score),
        )
    except (OSError, ValueError, KeyError):
        return None


def _scores(figures: Sequence[Mapping[str, float]], score: str) -> tuple[float, ...]:
    """One for each seed; none where a seed has none."""
    return tuple(one[score] for one in figures) if all(score in one for one in figures) else ()


def _curves(path: Path) -> Iterator[Curve]:
    """One for each seed."""
    if not path.exists():
        return
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row["seed"]].append(row)
    for seed, course in rows.items():
        yield Curve(
            label=f"seed {seed}",
            epochs=tuple(float(row["epoch"]) for row in course),
            accuracy=tuple(float(row["val_accuracy"]) for row in course),
            loss=tuple(float(row["train_loss"]) for row in course),
        )
