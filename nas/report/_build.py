"""From a search's trials to the document that every view shows."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nas.arch import summarize
from nas.drawing import diagram_of
from nas.metrics import METRICS
from nas.report._analysis import agreements, effects, progression
from nas.report._document import Document, MetricColumn, Network
from nas.report._front import best_row, complete_rows, front_rows, knee_row
from nas.report._noise import noise_remarks
from nas.report._references import references_for
from nas.report._weights import weights_remarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.arch import Architecture
    from nas.drawing import Diagram
    from nas.metrics import Limit, Metric
    from nas.report._document import FinalTraining, MeasuredLatency
    from nas.report._front import FrontRow
    from nas.report._pareto import HypervolumeBox
    from nas.space import SearchSpace
    from nas.trial import Evaluation, Fidelity

MAX_DIAGRAMS = 400
"""Networks that a page can draw; more would make the file large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFacts:
    """A search as its run folder holds it."""

    name: str
    space: SearchSpace
    dataset: str
    input_shape: tuple[int, int, int]
    num_classes: int
    objectives: tuple[Metric, ...]
    limits: tuple[Limit, ...]
    sampler: str
    seed: int
    budget: int
    fidelities: tuple[Fidelity, ...]
    """Of the rungs, the cheapest first; the last one is full proxy training."""
    train_images: int
    """Training images that there are."""
    box: HypervolumeBox
    evaluations: tuple[Evaluation, ...]
    environment: Mapping[str, Any]
    chance: float
    """Accuracy of always giving the most frequent class, in [0, 1]."""
    val_images: int
    task: str = "classification"
    live: bool = False
    with_weights: frozenset[str] | None = None
    """Ids of networks whose weights are kept; None where nobody has looked."""
    latencies: tuple[MeasuredLatency, ...] = ()
    finals: tuple[FinalTraining, ...] = field(default=())
    final_picks: Mapping[str, str] = field(default_factory=dict)
    """Network ids by `best` and `knee`, of the final front."""


def build_document(facts: SearchFacts, *, max_diagrams: int = MAX_DIAGRAMS) -> Document:
    """Everything a report says of a search. Raises IllegalArchitecture."""
    rows = front_rows(facts.evaluations, facts.objectives, limits=facts.limits)
    networks = tuple(_network(one) for one in facts.evaluations)
    place = {one.trial: number for number, one in enumerate(networks)}
    front = tuple(place[row.trial] for row in rows)
    trainings = tuple(one.over(facts.train_images) for one in facts.fidelities)
    genes = tuple((gene.name, tuple(map(str, gene.labels))) for gene in facts.space.genes)
    keys = tuple(objective.name for objective in facts.objectives)
    within = {row.trial for row in complete_rows(facts.evaluations) if row.keeps(facts.limits)}
    steps = progression(networks, keys, facts.box, within)
    return Document(
        name=facts.name,
        space=facts.space.name,
        description=facts.space.description,
        dataset=facts.dataset,
        input_shape=facts.input_shape,
        num_classes=facts.num_classes,
        objectives=keys,
        metrics=_columns(facts, networks),
        limits=tuple(map(str, facts.limits)),
        sampler=facts.sampler,
        seed=facts.seed,
        budget=facts.budget,
        trainings=trainings,
        genes=genes,
        networks=networks,
        front=front,
        best=front[best_row(rows, facts.objectives)] if rows else None,
        knee=front[knee_row(rows, facts.objectives)] if rows else None,
        remarks=(
            *noise_remarks(
                rows,
                facts.objectives,
                chance=facts.chance,
                num_classes=facts.num_classes,
                images=facts.val_images,
                task=facts.task,
            ),
            *weights_remarks(rows, facts.with_weights, run=facts.name),
        ),
        hypervolume=steps[-1].hypervolume if steps else 0.0,
        progression=steps,
        effects=effects(networks, genes, [_active(facts, one) for one in networks]),
        effects_of=trainings[0],
        agreements=agreements(networks, trainings, facts.finals),
        diagrams=_diagrams(facts, rows, max_diagrams),
        finals=facts.finals,
        final_picks=facts.final_picks,
        latencies=facts.latencies,
        references=references_for(facts.dataset),
        environment=facts.environment,
        commands=_commands(facts),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        live=facts.live,
    )


def _network(one: Evaluation) -> Network:
    arch = one.arch
    legal = one.cost is not None
    return Network(
        trial=one.number,
        arch_id=arch.id if legal else "",
        state=one.state,
        description=summarize(arch),
        blocks=tuple(dict.fromkeys(kind for stage in arch.stages if (kind := _kind(stage.block)))),
        sharing=arch.sharing_scope,
        cost=one.cost,
        scores=one.scores,
        rungs=one.rungs,
        failure=one.failure,
        duplicate_of=one.duplicate_of,
        genome=one.genome,
        finished_s=one.finished_s,
    )


def _kind(block: object) -> str:
    return str(getattr(block, "kind", ""))


def _active(facts: SearchFacts, one: Network) -> frozenset[int]:
    return frozenset(facts.space.active_genes(one.genome)) if one.genome else frozenset()


def _columns(facts: SearchFacts, networks: Sequence[Network]) -> tuple[MetricColumn, ...]:
    """The metrics that every report shows and those of this search, where any network has them."""
    asked = {*facts.objectives, *(limit.metric for limit in facts.limits)}
    wanted = [metric for metric in METRICS.values() if metric.label or metric in asked]
    return tuple(
        MetricColumn(
            key=metric.name,
            label=metric.label or metric.title,
            style=metric.style,
            maximize=metric.direction == "maximize",
            measured=not metric.known_before_training,
        )
        for metric in wanted
        if metric.name == "accuracy" or any(one.value(metric.name) is not None for one in networks)
    )


def _diagrams(
    facts: SearchFacts, front: Sequence[FrontRow], max_diagrams: int
) -> dict[str, Diagram]:
    """The front first, then what was trained in full, then the most accurate of the others."""
    archs: dict[str, Architecture] = {}
    for one in sorted(facts.evaluations, key=_by_accuracy):
        if one.cost is not None:
            archs.setdefault(one.arch.id, one.arch)
    wanted = [row.arch_id for row in front] + [one.arch_id for one in facts.finals]
    chosen = [arch_id for arch_id in dict.fromkeys([*wanted, *archs]) if arch_id in archs]
    return {
        arch_id: diagram_of(
            archs[arch_id], input_shape=facts.input_shape, num_classes=facts.num_classes
        )
        for arch_id in chosen[:max_diagrams]
    }


def _by_accuracy(one: Evaluation) -> tuple[bool, float]:
    scores = one.scores or (one.rungs[-1] if one.rungs else None)
    return (one.scores is None, -(scores.accuracy if scores else 0.0))


def _commands(facts: SearchFacts) -> dict[str, str]:
    run = shlex.quote(facts.name)
    command = facts.environment.get("command") or ()
    return {
        "again": shlex.join(map(str, command)),
        "resume": f"nas resume {run}",
        "export": f"nas export {run} --pick {{id}}",
        "train": f"nas train {run}:{{id}}",
        "front": f"nas train {run}",
    }
