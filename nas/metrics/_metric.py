"""The record of a metric: how it is written, read and compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from nas.errors import EvaluationError
from nas.units import (
    human_bytes,
    human_count,
    human_ms,
    human_share,
    parse_count,
    parse_number,
    parse_share,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nas.trial import Cost, Scores

Direction = Literal["maximize", "minimize"]
Source = Literal["cost", "scores"]
Style = Literal["count", "bytes", "share", "latency_us", "seconds", "number"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A quantity that every network has, and which way is better."""

    name: str
    """As objectives and limits have it, in lower case with underscores."""
    direction: Direction
    unit: str
    """Unit or scale as a plot's axis shows it."""
    source: Source = "cost"
    """`cost`: follows from the architecture, known before training; `scores`: of a trained
    network."""
    style: Style = "number"
    """How a value is written for people, and read from them."""
    heading: str = ""
    """Of its column in tables; the name where empty."""
    label: str = ""
    """What reports call it, where every report shows it; others show it where it was asked for."""
    meaning: str = ""
    """What is counted, beside the figure in `nas cost`; empty where that does not show it."""
    limit_flag: str | None = None
    """The option of `nas search` that limits it; others have `nas search --limit`."""
    limit_help: str = ""
    field: str = ""
    """The field of `Cost` or `Scores`, and the column of CSV files; the name where empty."""
    compute: Callable[..., float] | None = None
    """For a metric of one's own: (architecture, (C, H, W), number of classes) -> value where the
    source is `cost`; (trained model, data) -> value, on the worker, where it is `scores`."""
    bounds: tuple[float, float] | None = None
    """Least and greatest value, where a measured metric of one's own is an objective."""
    is_score: bool = False
    """Whether it says how good a trained network is, in [0, 1]: a search needs one of these."""
    task: str | None = None
    """The only task that it is measured for; None where all have it, or the user computes it."""

    @property
    def is_custom(self) -> bool:
        """Whether records keep it under its name, rather than in a field of their own."""
        return self.compute is not None or self.task is not None

    @property
    def known_before_training(self) -> bool:
        """Whether the architecture alone decides it."""
        return self.source == "cost"

    @property
    def column(self) -> str:
        """Its name in CSV files and records."""
        return self.field or self.name

    @property
    def title(self) -> str:
        """The heading of its column in tables."""
        return self.heading or self.name.replace("_", " ")

    @property
    def axis(self) -> str:
        """What the axis of a plot is called; in bytes, its ticks have the unit."""
        if self.style == "bytes":
            return self.name.replace("_", " ")
        names = (self.unit,) if self.compute is None else (self.title, self.unit)
        return ", ".join(filter(None, names))

    @property
    def logarithmic(self) -> bool:
        """Whether equal ratios count equally (costs) rather than equal differences."""
        return self.direction == "minimize" and self.known_before_training

    @property
    def least(self) -> float:
        """What a logarithm takes 0 for: whole numbers begin at 1, others may be smaller."""
        return 1.0 if self.compute is None else 1e-12

    def of_cost(self, cost: Cost) -> float:
        """The value of a metric that is known before training."""
        return float(_look_up(cost, self))

    def value(self, cost: Cost, scores: Scores) -> float:
        """The value, in this metric's own unit."""
        return float(_look_up(cost if self.known_before_training else scores, self))

    def loss(self, value: float) -> float:
        """A value turned so that less is better; equal ratios of costs count alike."""
        if self.direction == "maximize":
            return -value
        return math.log10(max(value, self.least)) if self.logarithmic else value

    def computed(self, *subject: Any) -> float:
        """What `compute` says of a network.

        Raises:
            EvaluationError: it raised, or gave no finite number.
        """
        assert self.compute is not None, f"{self.name} is a metric of nas"
        try:
            value = float(self.compute(*subject))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise EvaluationError(f"metric '{self.name}': {reason}") from error
        if not math.isfinite(value):
            raise EvaluationError(f"metric '{self.name}': gave {value}, not a finite number")
        return value

    def text(self, value: float) -> str:
        """A value as people read it: 91.20 %, 12.3 k, 4.10 kB."""
        return _WRITE[self.style](value)

    def parse(self, text: str) -> float:
        """A bound as people write it: 90%, 100k, and milliseconds for latency.

        Raises OptionError.
        """
        return _READ[self.style](text, f"`limits` {self.name}")


def _look_up(record: Cost | Scores, metric: Metric) -> Any:
    if metric.is_custom:
        return record.custom[metric.name]
    return getattr(record, metric.column)


def _read_ms(text: str, name: str) -> float:
    return round(1e3 * parse_number(text, name, least=0.000999))


_WRITE: Mapping[str, Callable[[float], str]] = MappingProxyType(
    {
        "count": human_count,
        "bytes": human_bytes,
        "share": human_share,
        "latency_us": lambda value: human_ms(value / 1e3),
        "seconds": lambda value: f"{value:.1f} s",
        "number": lambda value: f"{value:.4g}",
    }
)
_READ: Mapping[str, Callable[[str, str], float]] = MappingProxyType(
    {
        "count": parse_count,
        "bytes": parse_count,
        "share": parse_share,
        "latency_us": _read_ms,
        "seconds": parse_number,
        "number": lambda text, name: parse_number(text, name, least=-math.inf),
    }
)
