"""Whether latencies can be trusted: predictions, repetitions, applications, outputs.

Predictions: calibrates on one space, then measures networks that had no part in it and compares.
Repetitions: the same networks measured afresh, again and again. Applications: a block applied N
times beside once. Outputs and eager: the exported networks' logits against the models', and what
eager PyTorch would have said. All in turn in one process, on one thread and core; a cache folder
of its own makes it go on where it was stopped. Run: `python benchmarks/latency.py`.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from _common import machine, machine_line
from scipy.stats import spearmanr

from nas.arch import Architecture, Stage
from nas.families.inverted.options import Inverted
from nas.families.lru.options import Lru
from nas.families.plain.options import ConvStem, GapLinear
from nas.families.residual.options import Residual
from nas.families.separable.options import Separable
from nas.families.vgnet.options import HalfIdentity
from nas.latency import (
    LatencyMeter,
    PredictionError,
    Workload,
    calibrate,
    deploy,
    deployable,
    random_workloads,
)
from nas.space import load_architecture, load_space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.arch import Block
    from nas.latency import Latency
    from nas.space import SearchSpace

SHAPE, CLASSES = (3, 32, 32), 10
TIMES = (1, 2, 4, 8, 16)
BLOCKS: tuple[type[Block], ...] = (Lru, HalfIdentity, Separable, Residual, Inverted)
EAGER = ("lrunet_1_1x", "mobilenet_v1_cifar_0.25", "mobilenet_v1_cifar_1.0")


def predictions(
    space: SearchSpace, meter: LatencyMeter, networks: int, parts: int, held_out: int
) -> None:
    """Errors on networks that neither the table nor the correction has seen whole."""
    start = time.monotonic()
    made = calibrate(
        space, meter, input_shape=SHAPE, num_classes=CLASSES, networks=networks, parts=parts,
        on_progress=_progress,
    )  # fmt: skip
    stream = random_workloads(space, random.Random("held out"), SHAPE, CLASSES)
    drawn = {one.arch.id: one for one in islice(stream, 20 * held_out)}
    workloads = list(drawn.values())[:held_out]
    measured = []
    for workload in workloads:
        measured.append(meter.measure(workload))
        _progress("held out", len(measured), len(workloads))
    ratios = [made.predictor.ratio(workload) for workload in workloads]
    seconds, size = time.monotonic() - start, len(made.predictor.table.entries)
    print(f"\n{space.name}: {seconds:.0f} s; {size} parts in the table")
    print(f"  calibration, left out in turn: {_shown(made.error)}")
    truth = [latency.ratio for latency in measured]
    print(f"  held out: {_shown(PredictionError.of(ratios, truth))}")
    quiet = [i for i, latency in enumerate(measured) if not latency.noisy]
    found = PredictionError.of([ratios[i] for i in quiet], [truth[i] for i in quiet])
    print(f"  held out, not noisy: {_shown(found)}")
    print(f"  rank correlation {spearmanr(ratios, truth).statistic:.3f}; {_spreads(measured)}")


def repetitions(space: SearchSpace, meter: LatencyMeter, networks: int, repeats: int) -> None:
    """How far measurements of the same network lie apart."""
    workloads = islice(
        random_workloads(space, random.Random("repeated"), SHAPE, CLASSES), networks
    )
    by_ratio, by_ms = [], []
    for workload in workloads:
        found = [meter.measure(workload, fresh=True) for _ in range(repeats)]
        quiet = [latency for latency in found if not latency.noisy]
        if len(quiet) > 1:
            by_ratio.append(_range([latency.ratio for latency in quiet]))
            by_ms.append(_range([latency.latency_ms for latency in quiet]))
    print(f"\nrepetitions: {len(by_ratio)} networks, {repeats} times each, noisy ones left out")
    for name, ranges in (("ratio", by_ratio), ("milliseconds", by_ms)):
        print(f"  {name}: max/min median {statistics.median(ranges):.3f}, worst {max(ranges):.3f}")


def applications(meter: LatencyMeter) -> None:
    """Cost of a further application of a block, over how many there are."""
    print("\napplications: ratio to the reference of a further application, from N/2 to N")
    print(f"{'block':14}" + "".join(f"{f'{n // 2} to {n}':>10}" for n in TIMES[1:]))
    for kind in BLOCKS:
        ratios = [meter.measure(_applied(kind(reuse=times))).ratio for times in TIMES]
        pairs = zip(TIMES, TIMES[1:], ratios, ratios[1:], strict=False)
        steps = [(after - before) / (more - less) for less, more, before, after in pairs]
        print(f"{kind.__name__:14}" + "".join(f"{step:10.3f}" for step in steps))


def outputs(spaces: Sequence[str], networks: int) -> None:
    """The largest difference between exported and eager logits, relative to the largest logit."""
    worst, count = 0.0, 0
    for name in spaces:
        stream = random_workloads(load_space(name), random.Random("outputs"), SHAPE, CLASSES)
        for workload in islice(stream, networks):
            image = torch.randn(1, *SHAPE)
            expected, found = deployable(workload)(image), deploy(workload).logits(image)
            worst = max(worst, float((found - expected).abs().max() / expected.abs().max()))
            count += 1
    print(f"\noutputs: {count} random networks, largest relative difference {worst:.1e}")


def eager(meter: LatencyMeter) -> None:
    """What eager PyTorch makes of networks of different size."""
    print("\neager beside deployed, ms (times the first)")
    firsts: list[float] = []
    for name in EAGER:
        workload = Workload(arch=load_architecture(name), input_shape=SHAPE, num_classes=CLASSES)
        pair = [_eager_ms(workload), meter.measure(workload).latency_ms]
        firsts = firsts or pair
        shown = [f"{ms:8.3f} ({ms / first:.1f})" for ms, first in zip(pair, firsts, strict=True)]
        print(f"{name:26}" + "".join(f"{text:>18}" for text in shown))


def _eager_ms(workload: Workload) -> float:
    model, image, times = deployable(workload), torch.randn(1, *SHAPE), []
    with torch.inference_mode():
        for _ in range(60):
            start = time.thread_time()
            model(image)
            times.append(1e3 * (time.thread_time() - start))
    return statistics.median(times[10:])


def _applied(block: Block) -> Workload:
    """A network that is little besides `block`."""
    arch = Architecture(
        name="applied",
        stem=ConvStem(channels=32),
        stages=(Stage(channels=32, block=block),),
        head=GapLinear(),
    )
    return Workload(arch=arch, input_shape=SHAPE, num_classes=CLASSES)


def _range(values: Sequence[float]) -> float:
    return max(values) / min(values)


def _shown(error: PredictionError) -> str:
    return (
        f"n {error.networks}, within 10 % {error.good_share:.1%}, median {error.median:.1%}, "
        f"p95 {error.p95:.1%}"
    )


def _spreads(measured: Sequence[Latency]) -> str:
    noisy = sum(latency.noisy for latency in measured)
    spread = statistics.median(latency.spread for latency in measured)
    return f"measured: {noisy} of {len(measured)} noisy, median spread {spread:.1%}"


def _progress(what: str, done: int, total: int) -> None:
    if done == total or done % 100 == 0:
        print(f"  {what} {done}/{total}, load {machine()['load']}", flush=True)


def main() -> None:
    """Run all parts and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", action="append", help="spaces; lru_vgnet if left out")
    parser.add_argument("--networks", type=int, default=50, help="networks to calibrate with")
    parser.add_argument("--parts", type=int, default=2_000, help="parts to measure one by one")
    parser.add_argument("--held-out", type=int, default=200, help="networks to test with")
    parser.add_argument("--repeats", type=int, default=5, help="of each of 10 networks")
    parser.add_argument("--cache", type=Path, default=Path("bench/latency"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    spaces = chosen.space or ["lru_vgnet"]
    meter = LatencyMeter(folder=chosen.cache)
    print(f"{meter.cache.runtime}, {meter.cache.device}; {machine_line('torch')}")
    outputs(spaces, 20)
    eager(meter)
    applications(meter)
    repetitions(load_space(spaces[0]), meter, 10, chosen.repeats)
    for name in spaces:
        predictions(load_space(name), meter, chosen.networks, chosen.parts, chosen.held_out)
    print(machine_line("torch"))


if __name__ == "__main__":
    main()
