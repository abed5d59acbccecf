"""The final front of a run: records, what they say of the proxies, and their files."""

from __future__ import annotations

import csv
import math
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nas.arch import summarize
from nas.metrics import METRICS
from nas.report import pareto_front, replacing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nas.final._finalists import Candidate
    from nas.final._results import FinalReport
    from nas.metrics import Metric

SHOWN = ("params", "macs")
"""Costs that every final front shows, asked for or not."""
UNSTEADY = 0.02
"""Standard deviation of validation accuracy over seeds from which one of them must have failed;
that of seeds which end well is a few tenths of a point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalMember:
    """One finalist, trained in full."""

    arch_id: str
    trial: int
    description: str
    costs: dict[str, float]
    """By name of the cost metric."""
    proxy: float
    """Validation accuracy as the search saw it."""
    rungs: tuple[float, ...]
    """Validation accuracy of the shorter trainings, the shortest first."""
    predicted: float | None
    """What those told of the end."""
    validation: float
    """Mean over seeds, as the next ones; the last in full training, chosen without test images."""
    validation_std: float | None
    test: float
    test_std: float | None
    on_front: bool
    """By validation accuracy and costs."""
    validation_error: float = 0.0
    """Standard error of a validation score, from the number of images."""
    test_error: float = 0.0
    """The same of a test score."""
    missed_classes: tuple[str, ...] = ()
    """Classes of which one of its seeds, or more, recognises no validation image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What the proxies' accuracy was worth, over the finalists."""

    tau: float | None
    """Kendall's, between proxy and final validation accuracy; None for fewer than three."""
    tau_predicted: float | None
    """The same of the accuracy that the rungs predicted."""
    gain: float
    """Final less proxy accuracy, mean."""
    optimism: float
    """Validation less test accuracy of the final front, mean: what choosing by validation images
    flatters."""
    optimism_error: float | None
    """Standard error of that mean; the images' part of it is shared by all networks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalFront:
    """The finalists, the most accurate first, and what they say of the proxies."""

    recipe: str
    members: tuple[FinalMember, ...]
    agreement: Agreement
    score: str = "accuracy"
    """The metric that members are judged by, and all figures called validation, test, proxy."""
    searched: int | None = None
    """Networks that the finalists came of; None in files from before it was written down."""
    diverged: tuple[str, ...] = ()
    """Ids of networks that were left out because a training of theirs diverged."""

    def __post_init__(self) -> None:
        """Raise ValueError where there is nothing to show."""
        if not self.members:
            raise ValueError("members: a final front has one at least")
        first = self.members[0].costs.keys()
        for one in self.members:
            if one.costs.keys() != first or not all(map(_is_cost, one.costs)):
                names = ", ".join(one.costs) or "none"
                raise ValueError(f"costs: {names} are not those of a final front")

    @property
    def front(self) -> tuple[FinalMember, ...]:
        """The members that no other member dominates."""
        return tuple(one for one in self.members if one.on_front)

    @property
    def costs(self) -> tuple[Metric, ...]:
        """What all members have costs of: the objectives', and those that are always shown."""
        return tuple(METRICS[name] for name in self.members[0].costs)

    @property
    def unsteady(self) -> tuple[FinalMember, ...]:
        """The members that end far apart by the seed alone."""
        return tuple(
            one
            for one in self.members
            if (one.validation_std or 0.0) > max(UNSTEADY, 2 * one.validation_error)
        )

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


def _is_cost(name: str) -> bool:
    return name in METRICS and METRICS[name].known_before_training


def final_front(
    finalists: Sequence[Candidate],
    reports: Sequence[FinalReport],
    objectives: Sequence[Metric],
    recipe: str,
    score: str,
) -> FinalFront:
    """Put finalists and their reports together; the front is by validation, never by test.

    `score` is the metric that says which is better, of those that full training measures.
    """
    costs = [one for one in objectives if one.known_before_training]
    values = [
        (report.validation[score]["mean"] or 0.0, *(one.of_cost(each.cost) for one in costs))
        for each, report in zip(finalists, reports, strict=True)
    ]
    directions = ["maximize", *(one.direction for one in costs)]
    front = set(pareto_front(values, directions))
    members = sorted(
        (
            _member(one, report, costs, score, on_front=number in front)
            for number, (one, report) in enumerate(zip(finalists, reports, strict=True))
        ),
        key=lambda member: -member.validation,
    )
    return FinalFront(
        recipe=recipe, members=tuple(members), agreement=agreement(members), score=score
    )


def _member(
    one: Candidate, report: FinalReport, costs: Sequence[Metric], score: str, *, on_front: bool
) -> FinalMember:
    shown = {metric.name: metric for metric in (*costs, *(METRICS[name] for name in SHOWN))}
    validation, test = report.validation[score], report.test[score]
    assert validation["mean"] is not None
    assert test["mean"] is not None
    return FinalMember(
        arch_id=one.arch.id,
        trial=one.trial,
        description=summarize(one.arch),
        costs={name: metric.of_cost(one.cost) for name, metric in shown.items()},
        proxy=one.measured[0].accuracy,
        rungs=tuple(each.accuracy for each in one.measured[1:]),
        predicted=one.predicted,
        validation=validation["mean"],
        validation_std=validation["std"],
        test=test["mean"],
        test_std=test["std"],
        on_front=on_front,
        validation_error=_image_error(validation["mean"], report.data["val_images"]),
        test_error=_image_error(test["mean"], report.data["test_images"]),
        missed_classes=report.missed_classes,
    )


def _image_error(share: float, images: int) -> float:
    """Standard error of a share of right answers, from the number of images alone."""
    return math.sqrt(max(share * (1 - share), 0.0) / images)


def agreement(members: Sequence[FinalMember]) -> Agreement:
    """Compare the proxies' ranking and level with the final ones."""
    front = [one for one in members if one.on_front]
    flattered = [one.validation - one.test for one in front]
    final = [one.validation for one in members]
    guesses = [one.predicted for one in members if one.predicted is not None]
    return Agreement(
        tau=_tau([one.proxy for one in members], final),
        tau_predicted=_tau(guesses, final) if len(guesses) == len(final) else None,
        gain=statistics.fmean(one.validation - one.proxy for one in members),
        optimism=statistics.fmean(flattered),
        optimism_error=_optimism_error(front, flattered),
    )


def _optimism_error(front: Sequence[FinalMember], flattered: Sequence[float]) -> float | None:
    """From networks to networks, and from images that all of them share."""
    if len(front) < 2:
        return None
    squares = [one.validation_error**2 + one.test_error**2 for one in front]
    return math.sqrt(statistics.variance(flattered) / len(flattered) + statistics.fmean(squares))


def _tau(one: Sequence[float], other: Sequence[float]) -> float | None:
    if len(one) < 3:
        return None
    from scipy.stats import kendalltau

    value = float(kendalltau(one, other).statistic)
    return value if math.isfinite(value) else None


def write_front_csv(path: Path, front: FinalFront) -> None:
    """Write the finalists, the most accurate first. Raises RunFolderError."""
    costs = [one.name for one in front.costs]
    rungs = max(len(one.rungs) for one in front.members)
    names = [*(f"rung_{number + 1}" for number in range(rungs)), "predicted", "validation"]
    names += ["validation_std", "test", "test_std", "on_front", "description"]
    with replacing(path) as draft, draft.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["trial", "arch_id", *costs, "proxy", *names])
        for one in front.members:
            climbed = [*one.rungs, *[None] * (rungs - len(one.rungs))]
            figures = [one.predicted, one.validation, one.validation_std, one.test, one.test_std]
            head = [one.trial, one.arch_id, *(one.costs[name] for name in costs), one.proxy]
            writer.writerow([*head, *climbed, *figures, one.on_front, one.description])
