"""A document as the data a page carries: columns instead of rows, repeated words written once."""

from __future__ import annotations

from dataclasses import asdict
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from nas.drawing import draw_svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.drawing import Diagram
    from nas.report._document import Document, FinalTraining, MetricColumn, Network
    from nas.trial import State


STATES: tuple[State, ...] = ("complete", "pruned", "duplicate", "rejected", "failed")
AS_THEY_ARE = (
    "name",
    "space",
    "dataset",
    "objectives",
    "limits",
    "sampler",
    "seed",
    "budget",
    "trainings",
    "front",
    "best",
    "knee",
    "remarks",
    "hypervolume",
    "effects_of",
    "live",
)
"""Fields of a document that a page takes unchanged."""


def payload_of(document: Document, number: int = 0) -> dict[str, Any]:
    """Everything a page shows of run `number`, but the drawings."""
    plain = {name: getattr(document, name) for name in AS_THEY_ARE}
    return {
        **plain,
        **_networks(document.networks, document.metrics),
        "number": number,
        "shape": document.input_shape,
        "classes": document.num_classes,
        "metrics": [asdict(metric) for metric in document.metrics],
        "counts": {state: document.count(state) for state in STATES},
        "progression": [
            (one.networks, round(one.seconds, 1), round(one.hypervolume, 5))
            for one in document.progression
        ],
        "effects": [asdict(one) for one in document.effects],
        "agreements": [asdict(one) for one in document.agreements],
        "finals": [_final(one) for one in document.finals],
        "final_picks": dict(document.final_picks),
        "latencies": [asdict(one) | {"id": one.arch_id} for one in document.latencies],
        "environment": dict(document.environment),
        "commands": dict(document.commands),
    }


def _networks(
    networks: Sequence[Network], metrics: Sequence[MetricColumn]
) -> dict[str, dict[str, Any] | list[str]]:
    """The trials as columns, and the words that they refer to by number."""
    words = {name: _Words() for name in ("states", "kinds", "scopes", "reasons")}
    table = {
        "trial": [one.trial for one in networks],
        "id": [one.arch_id for one in networks],
        "state": [words["states"].place(one.state) for one in networks],
        "description": [one.description for one in networks],
        "blocks": [[words["kinds"].place(kind) for kind in one.blocks] for one in networks],
        "sharing": [words["scopes"].place(one.sharing) for one in networks],
        "reason": [words["reasons"].place(_reason(one)) for one in networks],
        "duplicate": [one.duplicate_of for one in networks],
        "rungs": [[_short(scores.accuracy) for scores in one.rungs] for one in networks],
        "values": {
            metric.key: [_short(one.value(metric.key)) for one in networks] for metric in metrics
        },
    }
    return {"networks": table, **{name: found.all for name, found in words.items()}}


def drawings_of(document: Document) -> dict[str, Any]:
    """For every network with a diagram: its picture, and its costs by stage."""
    return {arch_id: _drawing(diagram) for arch_id, diagram in document.diagrams.items()}


def _drawing(diagram: Diagram) -> dict[str, Any]:
    return {
        "svg": draw_svg(diagram, standalone=False),
        "stages": [
            (one.title, one.params, one.macs, one.peak_activation_bytes)
            for one in diagram.sections
        ],
        "ring": sum(ring.size for ring in diagram.rings),
    }


def _final(one: FinalTraining) -> dict[str, Any]:
    accuracies = one.accuracies
    return {
        "id": one.arch_id,
        "recipe": one.recipe,
        "split": one.split,
        "mean": mean(accuracies),
        "deviation": stdev(accuracies) if len(accuracies) > 1 else 0.0,
        "count": len(accuracies),
        "score": one.score,
        "validation": _spread(one.validation_scores),
        "test": _spread(one.test_scores),
        "curves": [asdict(curve) for curve in one.curves],
    }


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    """Mean and standard deviation; None where nothing is known."""
    if not values:
        return None
    return {"mean": mean(values), "deviation": stdev(values) if len(values) > 1 else 0.0}


def _reason(one: Network) -> str:
    if one.failure is None:
        return ""
    rejected = one.state == "rejected"
    return one.failure.message if rejected else f"{one.failure.kind}: {one.failure.message}"


def _short(value: float | None) -> float | None:
    """Six significant digits: what no reader misses."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


class _Words:
    """Words that many rows share, each kept once."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, word: str) -> int:
        """The number that stands for a word."""
        return self._places.setdefault(word, len(self._places))

    @property
    def all(self) -> list[str]:
        """The words in order of their numbers."""
        return list(self._places)
