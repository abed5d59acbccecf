"""What a search may ask for: objectives and limits that fit each other, the data, the sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.metrics._table import BUILT_IN, find_metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nas.metrics._limit import Limit
    from nas.metrics._metric import Metric, Source


def parse_objectives(names: Iterable[str]) -> tuple[Metric, ...]:
    """Look objectives up by name; OptionError on an unknown, repeated or missing one."""
    wanted = tuple(name.strip() for name in names)
    found = tuple(find_metric(name) for name in wanted)
    if not wanted or len(set(wanted)) != len(wanted):
        raise OptionError(
            f"`objectives` {','.join(wanted)}: name each objective once, and at least one"
        )
    if not any(metric.is_score for metric in found):
        raise OptionError(
            "`objectives`: accuracy must be among them (or "
            f"{', '.join(one.name for one in BUILT_IN if one.is_score and one.task)}); a cost "
            "alone needs no search (the smallest network wins)"
        )
    for metric in found:
        if not metric.known_before_training and metric.compute and metric.bounds is None:
            raise OptionError(
                f"`objectives`: metric '{metric.name}' is measured, so its `bounds` must be known "
                "before it can be an objective; register it with them"
            )
    return found


def score_of(objectives: Sequence[Metric]) -> Metric:
    """The first of the objectives that says how good a trained network is."""
    return next(metric for metric in objectives if metric.is_score)


def check_task(objectives: Sequence[Metric], limits: Sequence[Limit], task: str) -> None:
    """OptionError where a metric is not measured for the task of the data."""
    for metric in (*objectives, *(limit.metric for limit in limits)):
        if metric.task not in (None, task):
            known = [one.name for one in BUILT_IN if one.is_score and one.task in (None, task)]
            raise OptionError(
                f"`objectives`: {metric.name} is measured for {metric.task}, and these data are "
                f"for {task} (measured: {', '.join(known)})"
            )


def check_measured(objectives: Sequence[Metric], limits: Sequence[Limit], sampler: str) -> None:
    """Check limits, and what only training can tell. Raises OptionError.

    Every limit must be one that a value can keep. One of what is measured must be an objective's,
    for otherwise the front could lack what keeps to it; and the sampler `model` predicts accuracy
    alone.
    """
    measured = {one.name for one in objectives if not one.known_before_training}
    score = score_of(objectives).name
    for limit in limits:
        limit.check()
        if not limit.metric.known_before_training and limit.name not in measured:
            raise OptionError(
                f"`limits` {limit.name}: is measured by training; make it one of the "
                f"`objectives` ({', '.join(one.name for one in objectives)}) to limit it"
            )
    if sampler == "model" and measured != {score}:
        others = ", ".join(sorted(measured - {score}))
        raise OptionError(
            f"`sampler` model: predicts {score} alone, and {others} is measured by training "
            "too; choose the sampler evolution"
        )


def custom_metrics(
    objectives: Sequence[Metric], limits: Sequence[Limit], source: Source = "cost"
) -> tuple[Metric, ...]:
    """The metrics of the user's own among objectives and limits, each once."""
    asked = dict.fromkeys((*objectives, *(limit.metric for limit in limits)))
    return tuple(one for one in asked if one.compute is not None and one.source == source)
