"""Fronts as the searches saw them, retrained by one neutral script, and what that comes to."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING

from task import NEUTRAL, NEUTRAL_SEED, Run, Trained, box, images, network, problem

from nas.model import build_model
from nas.proxy import train_proxy
from nas.report import pareto_front
from nas.train import proxy_seed, seeded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MARKS = tuple(2 ** (-step / 3) for step in range(15, -1, -1))
"""Shares of the time at which fronts are judged."""


def front_at(run: Run, share: float) -> list[Trained]:
    """The front as the search saw it by then."""
    known = list({one.id: one for one in run.trained if one.at_s <= share * run.seconds}.values())
    values = [_values(one, one.accuracy) for one in known]
    directions = [one.direction for one in problem().objectives]
    return [known[index] for index in pareto_front(values, directions)]


def networks_to_judge(runs: Iterable[Run]) -> dict[str, Trained]:
    """Every network that was on a front at a mark, by id."""
    return {one.id: one for run in runs for share in MARKS for one in front_at(run, share)}


def retrain(one: Trained) -> float:
    """Accuracy of the neutral training, on validation images."""
    arch, data = network(one.genome).arch, images()
    fixed = proxy_seed(arch.id, NEUTRAL_SEED)
    with seeded(fixed):
        model = build_model(arch, in_channels=data.input_shape[0], num_classes=data.num_classes)
    return round(train_proxy(model, data, NEUTRAL, seed=fixed).accuracy, 4)


def read_judged(path: Path) -> dict[str, float]:
    """Accuracies by network."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {one["id"]: one["accuracy"] for one in map(json.loads, lines)}


def hypervolume(run: Run, share: float, judged: dict[str, float]) -> float:
    """Of the front at that time, by its neutral accuracies; in [0, 1]."""
    return box().hypervolume([_values(one, judged[one.id]) for one in front_at(run, share)])


def reached_at(run: Run, volume: float, judged: dict[str, float]) -> float | None:
    """Share of its time after which a run is at least there, to the next mark."""
    return next((share for share in MARKS if hypervolume(run, share, judged) >= volume), None)


def summary(values: list[float]) -> str:
    """Mean and standard error."""
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} ±{error:.3f}"


def _values(one: Trained, accuracy: float) -> tuple[float, ...]:
    cost = network(one.genome).cost
    assert cost is not None, "only feasible networks are trained"
    return accuracy, cost.params, cost.macs
