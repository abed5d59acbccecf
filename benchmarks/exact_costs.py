"""Exact costs a second: ours from the architecture, fvcore's and torch's from a built model.

    python benchmarks/exact_costs.py [--space lru_vgnet] [--repeats 5] [--json]

All count the parameters and multiply-accumulates of the same random legal architectures of a
space; ours also counts frozen and ring parameters and peak memory. `cold` starts with empty
caches, as a process does; `warm` counts the same architectures again; `from genome` decodes,
names (`Architecture.id`) and counts, caches cold. fvcore (FlopCountAnalysis) and torch
(FlopCounterMode) count a model that is already built; `with building` adds `build_model`, which
they need and ours does not: on the meta device for torch, on the CPU for fvcore, which cannot
trace on the other. All run in turn, round after
round, on one thread; figures are medians over the rounds, in architectures per second of
processor time, which other programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import random
import statistics
import sys
import time
import warnings
from functools import partial
from typing import TYPE_CHECKING

import torch
from _common import machine
from torch.utils.flop_counter import FlopCounterMode

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fvcore scripts functions while it is imported
    from fvcore.nn import FlopCountAnalysis

from nas.cost import cost_of
from nas.errors import IllegalArchitecture
from nas.model import build_model
from nas.space import load_space

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nas.arch import Architecture
    from nas.space import Genome, SearchSpace

SHAPE, CLASSES = (3, 32, 32), 10
OURS, RIVALS = 10_000, 30
"""Architectures counted in one round by us, and by each of the others."""


def empty_caches() -> None:
    """Forget all that any module of `nas` has remembered."""
    modules = [one for name, one in sys.modules.items() if name.partition(".")[0] == "nas"]
    for item in [item for module in modules for item in vars(module).values()]:
        if hasattr(item, "cache_clear"):
            item.cache_clear()


def draw(space: SearchSpace, count: int, seed: int) -> list[Genome]:
    """Genomes of legal architectures."""
    rng, genomes = random.Random(seed), []
    while len(genomes) < count:
        genome = space.random_genome(rng)
        try:
            cost_of(space.decode(genome), input_shape=SHAPE, num_classes=CLASSES)
        except IllegalArchitecture:
            continue
        genomes.append(genome)
    return genomes


def per_second(count: int, work: Callable[[], object]) -> float:
    """Architectures per second of processor time."""
    gc.collect()
    start = time.process_time()
    work()
    return count / (time.process_time() - start)


def count_all(archs: Sequence[Architecture]) -> None:
    """Ours."""
    for arch in archs:
        cost_of(arch, input_shape=SHAPE, num_classes=CLASSES)


def from_genomes(space: SearchSpace, genomes: Sequence[Genome]) -> None:
    """Ours, from a sampler's proposal to a name and all costs."""
    for genome in genomes:
        arch = space.decode(genome)
        assert arch.id
        cost_of(arch, input_shape=SHAPE, num_classes=CLASSES)


def build(arch: Architecture, device: str) -> torch.nn.Module:
    """A model in eval mode; on the meta device it has no data."""
    with torch.device(device):
        return build_model(arch, in_channels=SHAPE[0], num_classes=CLASSES).eval()


def by_fvcore(model: torch.nn.Module) -> int:
    """Multiply-accumulates (and what else fvcore counts) of a built model."""
    counter = FlopCountAnalysis(model, torch.zeros(1, *SHAPE))
    counter.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    params = sum(parameter.numel() for parameter in model.parameters())
    return params + int(counter.total())


def by_torch(model: torch.nn.Module) -> int:
    """Parameters and multiply-accumulates of a built model."""
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        model(torch.empty(1, *SHAPE, device="meta"))
    params = sum(parameter.numel() for parameter in model.parameters())
    return params + flops.get_total_flops() // 2


def one_round(source: str, genomes: Sequence[Genome]) -> dict[str, float]:
    """Architectures a second of every way to count, each on the same architectures.

    Spaces are read anew, for they and their architectures remember too.
    """
    archs = list(map(load_space(source).decode, genomes))
    empty_caches()
    found = {"nas, cold": per_second(len(archs), lambda: count_all(archs))}
    found["nas, warm"] = per_second(len(archs), lambda: count_all(archs))
    space = load_space(source)
    empty_caches()
    found["nas, from genome"] = per_second(len(archs), lambda: from_genomes(space, genomes))
    rivals = (("fvcore", by_fvcore, "cpu"), ("torch FlopCounterMode", by_torch, "meta"))
    for name, count, device in rivals:
        models: list[torch.nn.Module] = []
        make = partial(map, partial(build, device=device), archs[:RIVALS])
        building = per_second(RIVALS, lambda make=make, models=models: models.extend(make()))
        found[name] = per_second(RIVALS, partial(list, map(count, models)))
        found[f"{name}, with building"] = 1 / (1 / found[name] + 1 / building)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--space", default="lru_vgnet")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    space = load_space(options.space)
    before = machine("torch", "fvcore")
    rounds = [
        one_round(options.space, draw(space, OURS, seed=number))
        for number in range(options.repeats)
    ]
    medians = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    if options.json:
        print(json.dumps({"environment": before, "per_second": medians, "rounds": rounds}))
        return
    print(f"{options.space}, {OURS:,} architectures ({RIVALS} for fvcore and torch), ", end="")
    print(f"medians of {options.repeats} rounds; {before}")
    for name, value in medians.items():
        spread = f"{min(f[name] for f in rounds):,.0f} to {max(f[name] for f in rounds):,.0f}"
        print(f"{name:38} {value:>10,.0f} architectures/s   ({spread})")


if __name__ == "__main__":
    main()
