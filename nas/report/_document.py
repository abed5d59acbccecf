"""What a report says, as one record; the page, pictures, tables and files are views of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nas.drawing import Diagram
    from nas.report._references import Reference
    from nas.trial import Cost, Failure, Scores, State


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricColumn:
    """A quantity that networks are shown and filtered by."""

    key: str
    label: str
    style: str
    """How a value is written, as `Metric` has it."""
    maximize: bool
    measured: bool
    """By training, not by counting: proxy and final values differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One trial, whatever became of it."""

    trial: int
    arch_id: str
    """Empty where the settings describe no network."""
    state: State
    description: str
    blocks: tuple[str, ...]
    """Kinds of the stages' blocks, each once."""
    sharing: str
    """Scope of the parameter rings."""
    cost: Cost | None
    scores: Scores | None
    rungs: tuple[Scores, ...]
    failure: Failure | None
    duplicate_of: int | None
    genome: tuple[int, ...]
    finished_s: float | None

    def value(self, key: str) -> float | None:
        """A metric's value in its own unit; None where it is not known."""
        metric = METRICS[key]
        record = self.cost if metric.known_before_training else self.scores
        if record is None:
            return None
        if metric.is_custom:
            return record.custom.get(key)
        value: float | None = getattr(record, metric.column)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Progression:
    """The front's hypervolume once a network was finished."""

    networks: int
    """Evaluated until then, failed and pruned ones included."""
    seconds: float
    """Since the first network was finished, pauses included."""
    hypervolume: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisEffect:
    """How much of the spread in accuracy goes along with one open value of the space."""

    gene: str
    share: float
    """Of the variance in the accuracies' ranks, adjusted for chance (epsilon squared)."""
    networks: int
    """In which the value took part."""
    means: tuple[tuple[str, float, int], ...]
    """Option, mean accuracy and number of networks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Whether a shorter training ranks networks as a longer one does."""

    shorter: str
    longer: str
    networks: int
    tau: float
    """Kendall's tau-b between the two accuracies, in [-1, 1]."""
    gain: float
    """Mean accuracy of the longer training less that of the shorter one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalTraining:
    """One network after full training, with one or several seeds."""

    arch_id: str
    recipe: str
    split: str
    """The images that accuracy was measured on: `test` or `validation`."""
    accuracies: tuple[float, ...]
    """One per seed, in [0, 1]."""
    curves: tuple[Curve, ...] = ()
    score: str = "accuracy"
    """The metric that full trainings were judged by."""
    validation_scores: tuple[float, ...] = ()
    """Of that metric, one per seed; none where they are not known."""
    test_scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A training's course."""

    label: str
    epochs: tuple[float, ...]
    accuracy: tuple[float, ...]
    """On validation images."""
    loss: tuple[float, ...] = ()
    """On training images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredLatency:
    """A network's latency on one device."""

    arch_id: str
    device: str
    predicted_ms: float | None
    median_ms: float
    low_ms: float
    high_ms: float
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A search and what it found."""

    name: str
    """The run folder as it was named."""
    space: str
    description: str
    dataset: str
    input_shape: tuple[int, int, int]
    num_classes: int
    objectives: tuple[str, ...]
    """Keys of `metrics`."""
    metrics: tuple[MetricColumn, ...]
    limits: tuple[str, ...]
    sampler: str
    seed: int
    budget: int
    trainings: tuple[str, ...]
    """What every rung trains, in words, the cheapest first; the last one is full proxy
    training."""
    genes: tuple[tuple[str, tuple[str, ...]], ...]
    """Open values of the space: name and options."""
    networks: tuple[Network, ...]
    """Every trial, in order."""
    front: tuple[int, ...]
    """Positions in `networks`, best first in the first objective."""
    best: int | None
    knee: int | None
    remarks: tuple[str, ...]
    """What the front's accuracies cannot tell and which of its weights are gone, in sentences."""
    hypervolume: float
    progression: tuple[Progression, ...]
    effects: tuple[AxisEffect, ...]
    """The largest first."""
    effects_of: str
    """The training whose accuracy `effects` explain, in words."""
    agreements: tuple[Agreement, ...]
    diagrams: Mapping[str, Diagram]
    """By architecture id: the front, then the most accurate networks, up to a limit."""
    finals: tuple[FinalTraining, ...]
    final_picks: Mapping[str, str]
    """Network ids by `best` and `knee`: what an export takes from the final front."""
    latencies: tuple[MeasuredLatency, ...]
    references: tuple[Reference, ...]
    environment: Mapping[str, Any]
    commands: Mapping[str, str]
    """What to type: `again`, `resume`, `export`, `train`; `{id}` stands for a network."""
    made_at: str
    """When the report was made, in ISO 8601."""
    live: bool
    """Whether the search still runs."""

    def count(self, state: State) -> int:
        """Number of trials that ended in `state`."""
        return sum(one.state == state for one in self.networks)
