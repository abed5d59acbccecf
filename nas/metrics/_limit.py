"""Bounds of metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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

    def __str__(self) -> str:
        """`params <= 100,000`."""
        sign, bound = (">=", self.minimum) if self.maximum is None else ("<=", self.maximum)
        return f"{self.metric.column} {sign} {_plain(bound or 0)}"


def _plain(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:.6g}"


def limit_of(name: str, bound: str | float) -> Limit:
    """The limit of a metric: from above where less is better, from below where more is.

    Args:
        name: A metric's name.
        bound: A number in the metric's own unit, or text as `Metric.parse` reads it.

    Raises:
        OptionError: there is no such metric, or the bound cannot be read.
    """
    metric = find_metric(name, "`limits`")
    value = metric.parse(bound) if isinstance(bound, str) else float(bound)
    if metric.style in ("count", "bytes", "latency_us"):
        value = int(value)
    if metric.direction == "maximize":
        return Limit(name=name, minimum=value)
    return Limit(name=name, maximum=value)
