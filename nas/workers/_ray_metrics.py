"""Figures of a search as Ray metrics, which Ray's agent on this node offers to Prometheus.

Ray puts `ray_` before their names, and hands them on every 10 s (2.60). Through `ray://` they
are lost: the process that searches is then no part of the cluster.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from nas.workers._quiet_ray import metrics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nas.workers._measure import Measure


class RayMetrics:
    """What was exported so far, by name."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._metrics: dict[str, metrics.Counter | metrics.Gauge] = {}
        self._counted: dict[tuple[str, str], float] = {}
        # Says for each metric that there is no Ray to send it to, while Ray ends.
        logging.getLogger("ray.util.metrics").setLevel(logging.ERROR)

    def export(self, measures: Iterable[Measure], *, run: str) -> None:
        """Set every figure, labelled with the name of the run."""
        for one in measures:
            tags = {"run": run} | dict([one.label] if one.label else [])
            metric = self._metric(one)
            if isinstance(metric, metrics.Gauge):
                metric.set(one.value, tags=tags)
                continue
            key = (one.name, str(one.label))
            grown = one.value - self._counted.get(key, 0.0)
            if grown > 0:
                metric.inc(grown, tags=tags)
                self._counted[key] = one.value

    def _metric(self, one: Measure) -> metrics.Counter | metrics.Gauge:
        if one.name not in self._metrics:
            make = metrics.Counter if one.kind == "counter" else metrics.Gauge
            keys = ("run", one.label[0]) if one.label else ("run",)
            self._metrics[one.name] = make(one.name, one.description, keys)
        return self._metrics[one.name]
