"""Can all networks of a ring space share one trained ring, so that each trains for less?

    python benchmarks/shared_ring.py [--parents 10] [--children 4]

Networks of `rpg_resnet`, all generated from one ring of 10,000 parameters. Parents are drawn at
random and trained in full, one after another, each from the ring that the one before it left
behind: that ring is shared. Children differ from their parent in one gene; a child starts from
what its parent, trained from scratch, has learned (ring and all), or from the shared ring alone.
Its score is held against what it reaches from scratch in full training with the other seed.
Fidelities, data and the table are those of `inheritance.py`.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
import yaml
from inheritance import (
    ONE_EPOCH,
    Child,
    children_of,
    describe,
    fresh,
    inherited_accuracy,
    print_table,
    trained_weights,
)

from nas.bench import DATA, RUNGS, SEEDS
from nas.data import load_data
from nas.metrics import parse_objectives
from nas.model import build_model
from nas.proxy import train_proxy
from nas.search import Problem
from nas.space import find_model_file, parse_space
from nas.train import proxy_seed, seeded

if TYPE_CHECKING:
    from nas.arch import Architecture
    from nas.data import ImageData
    from nas.search import Candidate
    from nas.trial import Fidelity

    Weights = dict[str, torch.Tensor]

SPACE, RING_SIZE = "rpg_resnet", 10_000
SCRATCH = (RUNGS[0], ONE_EPOCH)
QUARTER = replace(ONE_EPOCH, train_images=ONE_EPOCH.train_images // 4)


def main() -> None:
    """Train families and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--parents", type=int, default=10)
    parser.add_argument("--children", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load_data(DATA)
    problem = one_ring_problem(data)
    found: list[Child] = []
    shared: Weights = {}
    for family in range(options.parents):
        parent = random_network(problem, random.Random(family))
        shared = ring_of(trained_from(parent.arch, shared, data))
        weights = trained_weights(parent.arch, data)
        for child in children_of(problem, parent, options.children, random.Random(family)):
            found.append(raise_child(family, child.arch, weights, shared, data))
        print(f"{family + 1} families", flush=True)
    print_table(found)


def one_ring_problem(data: ImageData) -> Problem:
    """The space, with every network on one ring of the same size."""
    path = find_model_file(SPACE)
    file = yaml.safe_load(path.read_text())
    file["sharing"] = {"scope": "network", "ring": RING_SIZE}
    return Problem(
        space=parse_space(yaml.safe_dump(file), source=str(path), name=f"{SPACE}_one_ring"),
        input_shape=data.input_shape,
        num_classes=data.num_classes,
        objectives=parse_objectives(("accuracy", "params", "macs")),
    )


def random_network(problem: Problem, rng: random.Random) -> Candidate:
    """The first feasible one that is drawn."""
    while True:
        genome = tuple(rng.randrange(len(gene.labels)) for gene in problem.space.genes)
        candidate = problem.candidate(genome)
        if candidate.reason is None:
            return candidate


def trained_from(arch: Architecture, ring: Weights, data: ImageData) -> Weights:
    """Of a network after full training, started from this ring; from scratch without one."""
    model = fresh(arch, data)
    model.load_state_dict(ring, strict=False)
    train_proxy(model, data, RUNGS[-1], seed=proxy_seed(arch.id, SEEDS[0]))
    return model.state_dict()


def ring_of(weights: Weights) -> Weights:
    """The ring alone: what two networks have in common whatever their layers are."""
    return {name: values for name, values in weights.items() if name == "rings.0.values"}


def raise_child(
    family: int, arch: Architecture, weights: Weights, shared: Weights, data: ImageData
) -> Child:
    """Every signal of one child, and what it reaches."""
    scores, cpu_s = {}, {}

    def note(name: str, given: Weights, fidelity: Fidelity | None) -> None:
        began = time.process_time()
        scores[name] = inherited_accuracy(arch, given, data, fidelity)
        cpu_s[name] = time.process_time() - began

    for fidelity in SCRATCH:
        note(f"from scratch, {describe(fidelity)}", {}, fidelity)
    for source, given in (("inherited", weights), ("shared ring", shared)):
        note(f"{source}, BatchNorm only", given, None)
        note(f"{source}, 1/4 epoch", given, QUARTER)
        note(f"{source}, {describe(ONE_EPOCH)}", given, ONE_EPOCH)
    return Child(family=family, scores=scores, cpu_s=cpu_s, reaches=reached(arch, data))


def reached(arch: Architecture, data: ImageData) -> float:
    """From scratch in full training, with the other seed."""
    fixed = proxy_seed(arch.id, SEEDS[1])
    with seeded(fixed):
        model = build_model(arch, in_channels=data.input_shape[0], num_classes=data.num_classes)
    return train_proxy(model, data, RUNGS[-1], seed=fixed).accuracy


if __name__ == "__main__":
    main()
