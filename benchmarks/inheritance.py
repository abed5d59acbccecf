"""Does a child that starts from its parent's weights rank as full training does, and sooner?

    python benchmarks/inheritance.py [--parents 24] [--children 4]

Parents are drawn from our own table and trained in full, children differ from them in one gene.
A child inherits every weight whose name is the same in both, where widths differ the part that
overlaps, and re-estimates its BatchNorms or trains on. Its score is held against what it reaches
from scratch in full training with the other seed (`results/lru_vgnet_small_table`), beside
scores from scratch on the table's rungs, trained here and now like the others. Kendall tau over
all children, and the spread of a bootstrap over families; CPU seconds are those of one child,
scoring included.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from _common import machine_line
from rich.console import Console
from rich.table import Table
from scipy.stats import kendalltau
from torch import nn

from nas.bench import (
    DATA,
    RUNGS,
    SEEDS,
    all_networks,
    read_trainings,
    table_problem,
    trainings_path,
)
from nas.data import load_data
from nas.model import build_model
from nas.proxy import train_proxy
from nas.train import evaluate_model, proxy_seed, seeded

if TYPE_CHECKING:
    from nas.arch import Architecture
    from nas.data import ImageData
    from nas.search import Candidate, Problem
    from nas.trial import Fidelity

RE_ESTIMATED_BATCHES = 10
ONE_EPOCH = RUNGS[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A child's scores by signal, what they cost, and what it reaches in the end."""

    family: int
    scores: dict[str, float]
    cpu_s: dict[str, float]
    reaches: float


def main() -> None:
    """Train families and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--parents", type=int, default=24)
    parser.add_argument("--children", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    problem, data = table_problem(), load_data(DATA)
    lines = {(line.id, line.seed): line for line in read_trainings(trainings_path())}
    found: list[Child] = []
    for number, parent in enumerate(list(all_networks().values())[: options.parents]):
        weights = trained_weights(parent.arch, data)
        for child in children_of(problem, parent, options.children, random.Random(number)):
            reaches = lines[child.arch.id, SEEDS[1]].accuracies[-1] or 0.0
            found.append(raise_child(number, child.arch, weights, data, reaches))
        print(f"{number + 1} families", flush=True)
    print_table(found)


def trained_weights(arch: Architecture, data: ImageData) -> dict[str, torch.Tensor]:
    """Of a parent, after full training."""
    model = fresh(arch, data)
    train_proxy(model, data, RUNGS[-1], seed=proxy_seed(arch.id, 0))
    return model.state_dict()


def fresh(arch: Architecture, data: ImageData) -> nn.Module:
    """A network as a search starts it."""
    with seeded(proxy_seed(arch.id, 0)):
        return build_model(arch, in_channels=data.input_shape[0], num_classes=data.num_classes)


def children_of(
    problem: Problem, parent: Candidate, count: int, rng: random.Random
) -> list[Candidate]:
    """Different networks one gene away."""
    space, found = problem.space, {parent.arch.id: parent}
    for _ in range(200):
        gene = rng.choice(space.active_genes(parent.genome))
        option = rng.randrange(len(space.genes[gene].labels))
        child = problem.candidate((*parent.genome[:gene], option, *parent.genome[gene + 1 :]))
        if child.reason is None and len(found) <= count:
            found.setdefault(child.arch.id, child)
    return list(found.values())[1:]


def raise_child(
    family: int,
    arch: Architecture,
    weights: dict[str, torch.Tensor],
    data: ImageData,
    reaches: float,
) -> Child:
    """Every signal of one child."""
    scores, cpu_s = {}, {}

    def note(name: str, given: dict[str, torch.Tensor], fidelity: Fidelity | None) -> None:
        began = time.process_time()
        scores[name] = inherited_accuracy(arch, given, data, fidelity)
        cpu_s[name] = time.process_time() - began

    for fidelity in RUNGS:
        note(f"from scratch, {describe(fidelity)}", {}, fidelity)
    quarter = replace(ONE_EPOCH, train_images=ONE_EPOCH.train_images // 4)
    note("inherited, BatchNorm only", weights, None)
    note("inherited, 1/4 epoch", weights, quarter)
    note("inherited, 1 epoch", weights, ONE_EPOCH)
    return Child(family=family, scores=scores, cpu_s=cpu_s, reaches=reaches)


def inherited_accuracy(
    arch: Architecture,
    weights: dict[str, torch.Tensor],
    data: ImageData,
    fidelity: Fidelity | None,
) -> float:
    """Of a child that starts from these weights; without a fidelity it is not trained."""
    model = fresh(arch, data)
    inherit(model, weights)
    if fidelity is not None:
        return train_proxy(model, data, fidelity, seed=proxy_seed(arch.id, 0)).accuracy
    re_estimate(model, data)
    accuracy, _ = evaluate_model(model, data.val.first(RUNGS[-1].val_images), data)
    return accuracy


def inherit(model: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Copy what has the same name, and of other shapes the part that overlaps."""
    for name, tensor in model.state_dict().items():
        given = weights.get(name)
        if given is not None and given.dim() == tensor.dim():
            part = tuple(slice(min(pair)) for pair in zip(tensor.shape, given.shape, strict=True))
            tensor[part] = given[part]


def re_estimate(model: nn.Module, data: ImageData) -> None:
    """BatchNorm's statistics anew, from training images."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    few = data.train.first(RE_ESTIMATED_BATCHES * 32)
    mean, std = (torch.tensor(value).view(1, -1, 1, 1) for value in (data.mean, data.std))
    model.train()
    with torch.no_grad():
        for pixels in few.pixels.split(32):
            model((pixels.float() / 255 - mean) / std)


def describe(fidelity: Fidelity) -> str:
    """A rung in a few letters."""
    side = f" at {fidelity.resolution} px" if fidelity.resolution else ""
    return f"{fidelity.epochs} epoch{'s' * (fidelity.epochs > 1)}{side}"


def print_table(found: list[Child]) -> None:
    """Tau, its spread and the cost of each signal."""
    families = sorted({child.family for child in found})
    print(machine_line("torch"))
    table = Table(title=f"{len(found)} children of {len(families)} parents", width=100)
    for heading in ("signal", "Kendall tau", "5 % to 95 %", "CPU s"):
        table.add_column(heading, justify="left" if heading == "signal" else "right")
    rng = random.Random(0)
    draws = [rng.choices(families, k=len(families)) for _ in range(500)]
    for signal in found[0].scores:
        taus = [
            tau([one for f in draw for one in found if one.family == f], signal) for draw in draws
        ]
        low, high = np.quantile(taus, (0.05, 0.95))
        cpu_s = np.mean([child.cpu_s[signal] for child in found])
        table.add_row(
            signal, f"{tau(found, signal):.2f}", f"{low:.2f} to {high:.2f}", f"{cpu_s:.2f}"
        )
    Console(width=110).print(table)


def tau(children: list[Child], signal: str) -> float:
    """Of the signal to what the children reach."""
    scores = [child.scores[signal] for child in children]
    return float(kendalltau(scores, [child.reaches for child in children]).statistic)


if __name__ == "__main__":
    main()
