"""Working memory on a microcontroller, under other rules than our own.

`peak_activation_bytes` of a `Cost` counts the image, and takes operations in the order in which
they are written. Here are the two figures that others report, in 8 bits an element:

- muNAS's peak (https://arxiv.org/abs/2010.14246, section 3.2, and its code): without the image's
  buffer, additions in place, a convolution with its norm and activation as one operation, in the
  best order of operations;
- the arena of a greedy planner, as TensorFlow Lite Micro has it: every map gets one place for as
  long as it lives, the largest maps first; the image and the logits have places too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from nas.arch import trace_layers
from nas.components import Op

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nas.arch import Architecture, Call
    from nas.cost._exact import Shape

ALIGNMENT = 16
"""Bytes to which a greedy planner rounds buffers up (TensorFlow Lite Micro's default)."""
MAX_ORDERS = 2_000
"""Sets of operations done that are looked at for the best order; beyond it the written order
stands, and the peak is an upper bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingMemory:
    """What maps need in 8 bits an element, in bytes."""

    int8_munas_peak_bytes: int
    """muNAS's rule."""
    int8_arena_bytes: int
    """A greedy planner's arena."""


class _Step(NamedTuple):
    """Operations that are one to a device: maps read, the map written, and its size."""

    reads: tuple[int, ...]
    writes: int
    size: int
    adds: bool
    """Whether it may write into one of the maps that it reads."""


class _Graph(NamedTuple):
    """The steps of one call; map 0 is what it is given."""

    steps: tuple[_Step, ...]
    given: int
    """Elements of map 0."""


def working_memory(arch: Architecture, *, input_shape: Shape, num_classes: int) -> WorkingMemory:
    """Memory for maps while one image of `input_shape` (C, H, W) passes through `arch`.

    Raises IllegalArchitecture where there is no such network or the images are too small.
    """
    shape: Shape = arch.input_shape(input_shape)
    graphs: list[_Graph] = []
    for call in arch.calls(in_channels=shape[0], num_classes=num_classes):
        graph, shape = _graph(call, shape)
        graphs.append(graph)
    peaks = (_best_peak(one, counts_given=number > 0) for number, one in enumerate(graphs))
    return WorkingMemory(int8_munas_peak_bytes=max(peaks), int8_arena_bytes=_arena(graphs))


@lru_cache(maxsize=1 << 12)
def _graph(call: Call, in_shape: Shape) -> tuple[_Graph, Shape]:
    trace, out = trace_layers(call, in_shape)
    size = in_shape[0] * in_shape[1] * in_shape[2]
    ops = _written_once(trace.ops, out.storage, size)
    return _Graph(tuple(_fused(ops)), size), (out.channels, out.height, out.width)


def _written_once(ops: Sequence[Op], result: int, given: int) -> list[Op]:
    """`ops` up to the last that writes `result`, every map written once and read later.

    What is written into a map that is there (`relu_`) is a map of its own, which may take that
    one's place. What nobody reads (the values of `topk`, whose indices are read and not recorded)
    stays until the next operation. `given` is the size of storage 0.
    """
    last = max((when for when, op in enumerate(ops) if op.writes == result), default=-1)
    names, sizes = {0: 0}, {0: given}
    made: list[Op] = []
    for name, op in enumerate(ops[: last + 1], 1):
        reads = tuple([names[storage] for storage in op.reads if storage in names])
        size = max(op.size, sizes.get(op.writes, 0))  # a part of it may be written
        names[op.writes], sizes[op.writes] = name, size
        made.append(Op(reads, name, size, op.in_place))
    read = {name for op in made for name in op.reads}
    for name, after in enumerate(made[1:], 1):
        if name not in read:
            made[name] = after._replace(reads=(*after.reads, name))
    return made


def _fused(ops: Sequence[Op]) -> Iterator[_Step]:
    """Steps: what works on one map alone, and is its only reader, belongs to what wrote it."""
    readers: dict[int, int] = {}
    for op in ops:
        for storage in set(op.reads):
            readers[storage] = readers.get(storage, 0) + 1
    alias: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for op in ops:
        reads = tuple(dict.fromkeys(alias.get(storage, storage) for storage in op.reads))
        alone = len(reads) == 1 and readers[op.reads[0]] == 1
        if op.in_place and alone and sizes.get(reads[0]) == op.size:
            alias[op.writes] = reads[0]
        else:
            sizes[op.writes] = op.size
            yield _Step(reads, op.writes, op.size, op.in_place)


def _best_peak(graph: _Graph, *, counts_given: bool) -> int:
    """Least peak over all orders of the steps."""
    if not graph.steps:
        return graph.given if counts_given else 0
    runs = [*_runs(graph)]
    return max(_OrderSearch(one, counts_given or one is not runs[0]).best() for one in runs)


def _runs(graph: _Graph) -> Iterator[_Graph]:
    """The graph cut where a single map is left: no order can pass there earlier or later."""
    last = {name: when for when, step in enumerate(graph.steps) for name in step.reads}
    steps: list[_Step] = []
    entry, given = 0, graph.given
    live = {0}
    for when, step in enumerate(graph.steps):
        reads = tuple(0 if name == entry else name for name in step.reads)
        steps.append(step._replace(reads=reads))
        live = {name for name in live if last[name] > when}
        if not live:
            yield _Graph(tuple(steps), given)
            steps, entry, given = [], step.writes, step.size
        live.add(step.writes)


class _OrderSearch:
    """Least peak from each set of steps done; recursion over what can be done next."""

    def __init__(self, graph: _Graph, counts_given: bool) -> None:
        self.steps = graph.steps
        self.sizes = {0: graph.given if counts_given else 0}
        self.sizes |= {step.writes: step.size for step in graph.steps}
        self.result = graph.steps[-1].writes if graph.steps else 0
        self.readers: dict[int, frozenset[int]] = {
            name: frozenset(n for n, step in enumerate(self.steps) if name in step.reads)
            for name in self.sizes
        }

    def best(self) -> int:
        """By dynamic programming over sets of steps done, smallest sets first."""
        best: dict[frozenset[int], int] = {frozenset(): self.sizes[0]}
        for _ in self.steps:
            following: dict[frozenset[int], int] = {}
            for done, peak in best.items():
                for number in self._ready(done):
                    after = done | {number}
                    reached = max(peak, self._working_set(done, number))
                    following[after] = min(reached, following.get(after, reached))
            best = following
            if len(best) > MAX_ORDERS:
                return self._as_written()
        return min(best.values())

    def _as_written(self) -> int:
        done: frozenset[int] = frozenset()
        peak = self.sizes[0]
        for number in range(len(self.steps)):
            peak = max(peak, self._working_set(done, number))
            done |= {number}
        return peak

    def _ready(self, done: frozenset[int]) -> Iterator[int]:
        known = {0, *(self.steps[number].writes for number in done)}
        for number, step in enumerate(self.steps):
            if number not in done and all(name in known for name in step.reads):
                yield number

    def _working_set(self, done: frozenset[int], number: int) -> int:
        """Live elements while a step works: maps still needed, and the one that it writes."""
        step = self.steps[number]
        known = {0, *(self.steps[one].writes for one in done)}
        live = sum(
            self.sizes[name]
            for name in known
            if name == self.result or not self.readers[name] <= done
        )
        taken_over = step.adds and any(
            self.readers[name] <= done | {number} and self.sizes[name] == step.size
            for name in step.reads
        )
        return live if taken_over else live + step.size


def _arena(graphs: Iterable[_Graph]) -> int:
    """Bytes of the arena in which a greedy planner places all maps of a network."""
    lives: list[_Life] = []
    clock, given = 0, None
    for graph in graphs:
        if given is None:
            given = _Life(graph.given, 0, 0)
            lives.append(given)
        own = {0: given}
        for step in graph.steps:
            clock += 1
            for name in step.reads:
                own[name].last = clock
            own[step.writes] = _Life(step.size, clock, clock)
            lives.append(own[step.writes])
        given = own[graph.steps[-1].writes] if graph.steps else given
    return _placed(lives)


@dataclass(slots=True)
class _Life:
    """A map's elements, and the first and the last step at which it is there."""

    size: int
    first: int
    last: int


def _placed(lives: list[_Life]) -> int:
    placed: list[tuple[int, int, _Life]] = []
    arena = 0
    for life in sorted(lives, key=lambda one: (-one.size, one.first)):
        size, start = -(-life.size // ALIGNMENT) * ALIGNMENT, 0
        for low, high, other in sorted(placed, key=lambda one: one[:2]):
            together = life.first <= other.last and other.first <= life.last
            if together and low < start + size:
                start = max(start, high)
        placed.append((start, start + size, life))
        arena = max(arena, start + size)
    return arena
