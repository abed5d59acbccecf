"""What networks are judged by: one table, from which all that shows or limits a metric follows.

Objectives, limits, command-line flags, columns of CSV files and tables, axes of plots: each asks
this table. A metric of one's own enters by `register_metric`, and is then as good as these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from nas.errors import EvaluationError, OptionError
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
    from collections.abc import Callable, Iterable, Mapping, Sequence

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
    limit_flag: str | None = None
    """The option of `nas search` that limits it; others are limited by `--limit NAME=BOUND`."""
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
        return _READ[self.style](text, f"`limit_{self.name}`")


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


def _bytes(name: str, flag: str | None, flag_help: str, heading: str, unit: str) -> Metric:
    return Metric(
        name=name,
        direction="minimize",
        unit=unit,
        style="bytes",
        heading=heading,
        limit_flag=flag,
        limit_help=flag_help,
    )


def _count(
    name: str, unit: str, heading: str, flag: str | None = None, flag_help: str = ""
) -> Metric:
    return Metric(
        name=name,
        direction="minimize",
        unit=unit,
        style="count",
        heading=heading,
        limit_flag=flag,
        limit_help=flag_help,
    )


def _score(name: str, task: str, heading: str, unit: str) -> Metric:
    return Metric(
        name=name,
        direction="maximize",
        unit=f"validation {unit}",
        source="scores",
        style="share",
        heading=heading,
        bounds=None if name == "balanced_accuracy" else (0.0, 1.0),
        is_score=True,
        task=task,
    )


_BUILT_IN = (
    Metric(
        name="accuracy",
        direction="maximize",
        unit="validation accuracy",
        source="scores",
        style="share",
        limit_flag="--min-accuracy",
        limit_help="On validation images, such as 0.9; the front keeps to it.",
        is_score=True,
    ),
    _score("balanced_accuracy", "classification", "balanced", "mean accuracy of the classes"),
    _score("average_precision", "multilabel", "mAP", "mean average precision"),
    _score("f1", "multilabel", "F1", "mean F1 of the classes"),
    _score("mean_iou", "segmentation", "mean IoU", "mean intersection over union"),
    Metric(
        name="loss",
        direction="minimize",
        unit="validation loss in nats",
        source="scores",
        bounds=(0.0, 5.0),
    ),
    _count("params", "trainable parameters", "params", "--max-params", "Such as 100k."),
    _count("ring_params", "parameters in rings", "ring"),
    _count("kernel_params", "parameters of kernels", "kernels"),
    _count("frozen_params", "fixed parameters", "fixed"),
    _count("generated_params", "weights that rings generate", "made"),
    _count("largest_generated", "weights of the largest generated kernel", "largest"),
    _count("macs", "multiply-accumulates", "MACs", "--max-macs", "Such as 5M."),
    _bytes(
        "peak_activation_bytes",
        "--max-peak-bytes",
        "Limit of live activations, such as 64k.",
        "memory",
        "bytes",
    ),
    _bytes(
        "stored_bytes",
        "--max-stored-bytes",
        "Limit of weights in fp32, such as 256k.",
        "weights",
        "bytes",
    ),
    _bytes(
        "int8_stored_bytes",
        "--max-int8-stored-bytes",
        "Limit of weights, kernels in int8 (flash).",
        "flash",
        "bytes in int8",
    ),
    _bytes(
        "int8_peak_activation_bytes",
        "--max-int8-peak-bytes",
        "Limit of live int8 activations (SRAM).",
        "SRAM",
        "bytes in int8",
    ),
    _bytes("ram_bytes", None, "", "RAM", "bytes"),
    _bytes("int8_ram_bytes", None, "", "RAM, int8", "bytes in int8"),
    Metric(
        name="latency",
        direction="minimize",
        unit="predicted microseconds",
        style="latency_us",
        limit_flag="--max-latency-ms",
        limit_help="Predicted; first: nas latency --calibrate SPACE.",
        field="latency_us",
    ),
    Metric(
        name="train_s",
        direction="minimize",
        unit="seconds of training",
        source="scores",
        style="seconds",
        heading="training",
        bounds=(0.0, 3600.0),
    ),
)
_TABLE: dict[str, Metric] = {metric.name: metric for metric in _BUILT_IN}

METRICS: Mapping[str, Metric] = MappingProxyType(_TABLE)
"""Every metric by name, in the order of columns; those registered come last."""


def register_metric(metric: Metric) -> Metric:
    """Add a metric of one's own, or replace one added earlier by the same name.

    Workers find it where the module that registers it is a plug-in of the search.

    Raises:
        OptionError: the name is taken or cannot be written on a command line, or nothing computes
            the metric.
    """
    known = _TABLE.get(metric.name)
    if known is not None and known.compute is None:
        raise OptionError(f"metric '{metric.name}': nas has one of this name; choose another")
    if not metric.name.isidentifier() or metric.name != metric.name.lower():
        raise OptionError(
            f"metric '{metric.name}': write lower-case letters, digits and underscores"
        )
    if metric.compute is None:
        raise OptionError(f"metric '{metric.name}': give `compute`, the function that knows it")
    _TABLE[metric.name] = metric
    return metric


def find_metric(name: str, where: str = "`objectives`") -> Metric:
    """The metric called `name`. Raises OptionError with the nearest name known."""
    if name in _TABLE:
        return _TABLE[name]
    near = get_close_matches(name, _TABLE, n=1)
    hint = f", did you mean '{near[0]}'?" if near else ""
    raise OptionError(f"{where}: unknown metric '{name}'{hint} (known: {', '.join(_TABLE)})")


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
            f"{', '.join(one.name for one in _BUILT_IN if one.is_score and one.task)}); a cost "
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
            known = [one.name for one in _BUILT_IN if one.is_score and one.task in (None, task)]
            raise OptionError(
                f"`objectives`: {metric.name} is measured for {metric.task}, and these data are "
                f"for {task} (measured: {', '.join(known)})"
            )


def check_measured(objectives: Sequence[Metric], limits: Sequence[Limit], sampler: str) -> None:
    """Check what only training can tell. Raises OptionError.

    A limit of it must be an objective's, for otherwise the front could lack what keeps to it; and
    the sampler `model` predicts accuracy alone.
    """
    measured = {one.name for one in objectives if not one.known_before_training}
    score = score_of(objectives).name
    for limit in limits:
        if not limit.metric.known_before_training and limit.name not in measured:
            raise OptionError(
                f"`limits`: {limit.name} is measured by training; make it one of the "
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
