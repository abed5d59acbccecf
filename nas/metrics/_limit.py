"""Bounds of metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.metrics._table import find_metric

if TYPE_CHECKING:
    from nas.metrics._metric import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What no network may exceed, or fall below."""

    name: str
    """A metric's name."""
    maximum: float | None = None
    """In the metric's own unit."""
    minimum: float | None = None

    @property
    def metric(self) -> Metric:
        """What is limited."""
        return find_metric(self.name, "`limits`")

    def complaint(self, value: float) -> str | None:
        """What is wrong with a value, as a sentence; None where it is within the limit."""
        name = self.metric.column
        if self.maximum is not None and value > self.maximum:
            return f"{name} {_plain(value)} exceeds the limit of {_plain(self.maximum)}"
        if self.minimum is not None and value < self.minimum:
            return f"{name} {_plain(value)} is below the limit of {_plain(self.minimum)}"
        return None

    def excess(self, value: float) -> float:
        """By what factor a positive value is beyond the limit; 1 where it keeps it."""
        over = value / max(self.maximum, 1e-12) if self.maximum is not None else 1.0
        under = self.minimum / max(value, 1e-12) if self.minimum is not None else 1.0
        return max(1.0, over, under)

    def check(self) -> None:
        """Raise OptionError where no network can be within it."""
        for bound in (self.maximum, self.minimum):
            if bound is not None:
                _check_bound(self.metric, bound)

    def __str__(self) -> str:
        """`params <= 100,000`."""
        sign, bound = (">=", self.minimum) if self.maximum is None else ("<=", self.maximum)
        return f"{self.metric.column} {sign} {_plain(bound or 0)}"


def _check_bound(metric: Metric, bound: float) -> None:
    """Raise OptionError where a bound is no number, no share, or beyond the best value."""
    where = f"`limits` {metric.name} {bound:g}"
    if not math.isfinite(bound):
        raise OptionError(f"{where}: write a finite number")
    if metric.style == "share" and metric.compute is None and not 0 <= bound <= 1:
        raise OptionError(
            f"{where}: write a share of at least 0 and at most 1, as in 0.9 or '90%'"
        )
    if metric.bounds is None:
        return
    low, high = metric.bounds
    if bound > high if metric.direction == "maximize" else bound < low:
        raise OptionError(
            f"{where}: is beyond its best value; write a number from {low:g} to {high:g}"
        )


def _plain(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:.6g}"


def limit_of(name: str, bound: str | float) -> Limit:
    """The limit of a metric: from above where less is better, from below where more is.

    Args:
        name: A metric's name.
        bound: A number in the metric's own unit, or text as `Metric.parse` reads it.

    Raises:
        OptionError: there is no such metric, or the bound cannot be read or kept.
    """
    metric = find_metric(name, "`limits`")
    value = metric.parse(bound) if isinstance(bound, str) else float(bound)
    _check_bound(metric, value)
    if metric.style in ("count", "bytes", "latency_us"):
        value = int(value)
    if metric.direction == "maximize":
        return Limit(name=name, minimum=value)
    return Limit(name=name, maximum=value)
