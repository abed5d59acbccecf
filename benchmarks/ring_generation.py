"""What generating kernels from a parameter ring costs: per-layer gathers against `nas.sharing`.

ResNet-18's 19 generated convolutions (T = 11,157,504 weights) from a ring of 2,359,296 scalars,
CPU time of forward plus backward, one thread. The baseline is what RPG's released code does,
`ring[index] * sign * scale` with int64 indices for every layer. All methods run in turn, round
after round; ratios are taken within a round. Run: `python benchmarks/ring_generation.py`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import torch
from _common import machine_line
from torch import Tensor, nn

from nas.sharing import Ring

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZE = 2_359_296
"""One 512 x 512 x 3 x 3 convolution: the default ring of RPG's code."""
SHAPES = [
    *[(64, 64, 3)] * 4,
    *[(128, 64, 1), (128, 64, 3), *[(128, 128, 3)] * 3],
    *[(256, 128, 1), (256, 128, 3), *[(256, 256, 3)] * 3],
    *[(512, 256, 1), (512, 256, 3), *[(512, 512, 3)] * 3],
]
"""Output channels, input channels and kernel of ResNet-18's generated layers, in order."""


def make_ring(block: int) -> Ring:
    """The ring of `nas.sharing` that generates all layers."""
    layers = [[nn.Conv2d(i, o, k, bias=False, device="meta")] for o, i, k in SHAPES]
    scales = [(4608 / (o * k * k)) ** 0.5 for o, _, k in SHAPES]
    return Ring(layers, size=SIZE, scales=scales, std=(2 / 4608) ** 0.5, block=block)


def per_layer(ring: Ring) -> Callable[[], Sequence[Tensor]]:
    """The released code's way to generate the very kernels of `ring`."""
    places = ring.places()
    index = places.index.long().split(places.sizes)
    sign = places.factor.sign().split(places.sizes)
    layers = list(zip(index, sign, ring.scales, ring.shapes, strict=True))
    return lambda: [(ring.values[i] * s * scale).view(shape) for i, s, scale, shape in layers]


def cpu_ms(
    generate: Callable[[], Sequence[Tensor]], gradients: Sequence[Tensor]
) -> tuple[float, float]:
    """CPU milliseconds of generating all kernels, and of their gradients."""
    start = time.process_time()
    kernels = generate()
    generated = time.process_time()
    torch.autograd.backward(kernels, gradients)
    return 1e3 * (generated - start), 1e3 * (time.process_time() - generated)


def cpu_ms_eval(ring: Ring) -> float:
    """CPU milliseconds of a second call in eval mode."""
    ring.eval()
    with torch.no_grad():
        ring()
        start = time.process_time()
        ring()
        elapsed = time.process_time() - start
    ring.train()
    return 1e3 * elapsed


def check(methods: dict[str, Callable[[], Sequence[Tensor]]]) -> None:
    """The first two methods generate the same kernels."""
    one, other = (methods[name]() for name in list(methods)[:2])
    assert all(torch.allclose(a, b, rtol=1e-6) for a, b in zip(one, other, strict=True))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="paired rounds after one warm-up")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    torch.manual_seed(0)
    ring, blocks = make_ring(1), make_ring(64)
    methods = {
        "per-layer gathers": per_layer(ring),
        "ring, same hash": ring,
        "ring, block hash": blocks,
    }
    check(methods)
    gradients = [torch.randn(shape) for shape in ring.shapes]
    print(f"{machine_line('torch')}; 1 thread, {rounds} rounds")
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    for _ in range(1 + rounds):
        for name, generate in methods.items():
            ring.values.grad = blocks.values.grad = None
            samples[name].append(cpu_ms(generate, gradients))
    report({name: times[1:] for name, times in samples.items()})
    print(f"eval, second call: {cpu_ms_eval(ring):.3f} ms")
    print(machine_line("torch"))


def report(samples: dict[str, list[tuple[float, float]]]) -> None:
    """Medians, and the median and range of the ratios to the first method within each round."""
    base = [sum(times) for times in next(iter(samples.values()))]
    print(f"{'CPU ms':20} {'forward':>8} {'backward':>8} {'total':>8}  times faster (range)")
    for name, times in samples.items():
        forward, backward = (statistics.median(column) for column in zip(*times, strict=True))
        totals = [sum(pair) for pair in times]
        ratios = [one / other for one, other in zip(base, totals, strict=True)]
        print(
            f"{name:20} {forward:8.1f} {backward:8.1f} {statistics.median(totals):8.1f}  "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
