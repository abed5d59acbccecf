"""Full trainings that a run folder holds, as `nas train` leaves them under `final/`."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from nas.report._document import Curve, FinalTraining

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
        plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not plain["seeds"]:
            return None
        return FinalTraining(
            arch_id=plain["model"]["id"],
            recipe=plain["recipe"],
            split="test",
            accuracies=tuple(float(one["test"]["accuracy"]) for one in plain["seeds"]),
            curves=tuple(_curves(path.parent / "curves.csv")),
            score=score,
            validation_scores=_scores(plain, "validation", score),
            test_scores=_scores(plain, "test", score),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _scores(plain: dict[str, Any], split: str, score: str) -> tuple[float, ...]:
    """One for each seed; none where a seed has none."""
    found = [one.get(split, {}).get(score) for one in plain["seeds"]]
    return tuple(map(float, found)) if None not in found else ()


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
