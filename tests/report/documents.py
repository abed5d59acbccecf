"""Searches made up from random networks of a real space, with every fate a proposal can have."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from nas.cost import cost_of
from nas.errors import IllegalArchitecture
from nas.metrics import limit_of, parse_objectives
from nas.report import (
    Curve,
    Document,
    FinalTraining,
    HypervolumeBox,
    MeasuredLatency,
    SearchFacts,
    build_document,
)
from nas.space import load_space
from nas.trial import Evaluation, Failure, Fidelity, Scores

if TYPE_CHECKING:
    from nas.trial import Cost

SHAPE = (1, 28, 28)
CLASSES = 10
BEGAN_S = 1_700_000_000.0
FATES = ("complete",) * 6 + ("pruned",) * 2 + ("rejected", "duplicate", "failed")
RUNG = Fidelity(epochs=1, train_images=2000)
FULL = Fidelity(epochs=2, train_images=6000)
OBJECTIVES = parse_objectives(("accuracy", "params", "macs"))
BOUNDS = {"params": (500.0, 1e6), "macs": (1e4, 1e9)}


@cache
def facts(
    count: int, *, seed: int = 0, name: str = "runs/made_up", finals: bool = True
) -> SearchFacts:
    """A search of `count` networks of `lru_vgnet`."""
    space, rng = load_space("lru_vgnet"), random.Random(seed)
    evaluations: list[Evaluation] = []
    while len(evaluations) < count:
        genome = space.random_genome(rng)
        arch = space.decode(genome)
        try:
            cost = cost_of(arch, input_shape=SHAPE, num_classes=CLASSES)
        except IllegalArchitecture:
            continue
        number = len(evaluations)
        fate = FATES[number % len(FATES)]
        evaluation = Evaluation(
            number=number,
            state=fate,
            arch=arch,
            cost=cost,
            genome=genome,
            finished_s=BEGAN_S + 7.0 * number,
        )
        evaluations.append(_settled(evaluation, cost, rng))
    done = [one for one in evaluations if one.state == "complete"]
    return SearchFacts(
        name=name,
        space=space,
        dataset="fashion_mnist",
        input_shape=SHAPE,
        num_classes=CLASSES,
        objectives=OBJECTIVES,
        limits=(limit_of("params", 2_000_000),),
        sampler="model",
        seed=seed,
        budget=count,
        fidelities=(RUNG, FULL),
        train_images=50_000,
        box=HypervolumeBox.of(OBJECTIVES, num_classes=CLASSES, bounds=BOUNDS),
        evaluations=tuple(evaluations),
        chance=0.1,
        val_images=5_000,
        environment={"command": ["nas", "search", "--out", name], "python": "3.11.7", "cpus": 2},
        finals=tuple(map(_final, done[:3])) if finals else (),
        final_picks={"best": done[1].arch.id, "knee": done[0].arch.id} if finals else {},
        latencies=(
            MeasuredLatency(
                arch_id=done[0].arch.id,
                device="a processor",
                predicted_ms=0.031,
                median_ms=0.034,
                low_ms=0.033,
                high_ms=0.037,
                runs=40,
            ),
        ),
    )


def document(count: int, **options: object) -> Document:
    """The document of `facts`."""
    return build_document(facts(count, **options))  # type: ignore[arg-type]


def _settled(one: Evaluation, cost: Cost, rng: random.Random) -> Evaluation:
    accuracy = min(0.95, 0.5 + 0.08 * math.log10(cost.params) + rng.gauss(0, 0.02))
    low = Scores(accuracy=accuracy - 0.06 + rng.gauss(0, 0.01), loss=0.9, train_s=1.0)
    full = Scores(accuracy=accuracy, loss=0.5, train_s=4.5)
    match one.state:
        case "complete":
            return replace(one, scores=full, rungs=(low,))
        case "pruned":
            return replace(one, rungs=(low,))
        case "duplicate":
            return replace(one, duplicate_of=0, scores=full)
        case "rejected":
            message = f"params {cost.params:,} exceeds the limit of 200,000"
            return replace(one, failure=Failure(kind="Rejected", message=message))
        case _:
            failure = Failure(
                kind="Diverged", message="loss is <b>NaN</b> after 12 steps", detail="trace"
            )
            return replace(one, failure=failure)


def _final(one: Evaluation) -> FinalTraining:
    assert one.scores is not None
    top = one.scores.accuracy + 0.06
    epochs = tuple(float(epoch) for epoch in range(1, 11))
    course = tuple(top - 0.2 / epoch for epoch in epochs)
    return FinalTraining(
        arch_id=one.arch.id,
        recipe="standard",
        split="test",
        accuracies=(top - 0.002, top, top + 0.002),
        validation_scores=(top, top + 0.002, top + 0.004),
        test_scores=(top - 0.002, top, top + 0.002),
        curves=(Curve(label="seed 0", epochs=epochs, accuracy=course),),
    )
