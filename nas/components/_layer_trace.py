"""A network's layers written down without torch: shapes, weights, MACs and live activations.

A family's trace function runs its block's forward pass on a `LayerTrace`, with `FeatureMap`s
instead of tensors. The trace notes every weight when it is made and every operation when it is
applied, which is all that exact costs need. A property test holds it and the module together.

What counts as memory: every feature map from the operation that writes it to the last one that
reads it, at batch 1 in fp32. Normalisation, activation, addition and scaling write into an
input that nobody reads again; slices and reshapes are free. Weights are not activations.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from nas.errors import IllegalArchitecture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nas.components._call import Call

BYTES_PER_ACTIVATION = 4
KernelKind = Literal["depthwise", "pointwise", "spatial", "attention"]


class FeatureMap(NamedTuple):
    """A feature map of one image: `channels` x `height` x `width`, held in storage `storage`.

    Maps and ops are tuples, because costing makes them by the million and tuples are several
    times faster to make than frozen records.
    """

    channels: int
    height: int
    width: int
    storage: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.channels * self.height * self.width


class Weight(NamedTuple):
    """A convolution's kernel, before it is applied anywhere.

    A tuple, because costs look kernels up by the thousand and tuples hash several times faster.
    """

    in_channels: int
    out_channels: int
    kernel: int
    groups: int
    bias: bool
    attends: bool = False
    """Whether it computes gates of channels rather than channels."""

    @property
    def kind(self) -> KernelKind:
        """What kind of kernel it is, as `sharing.private` names them."""
        if self.attends:
            return "attention"
        if self.groups > 1 and self.groups == self.in_channels:
            return "depthwise"
        return "pointwise" if self.kernel == 1 else "spatial"

    @property
    def size(self) -> int:
        """Number of kernel elements, without the bias."""
        return self.out_channels * (self.in_channels // self.groups) * self.kernel**2


class Op(NamedTuple):
    """One operation: the storages it reads and the one it writes, with its size."""

    reads: tuple[int, ...]
    writes: int
    size: int
    in_place: bool


TraceCall: TypeAlias = "Callable[[LayerTrace, FeatureMap, Call], FeatureMap]"
"""Traces one call, whatever family it belongs to."""


class LayerTrace:
    """Records what a forward pass of one image costs; see the module's docstring."""

    def __init__(self, trace_call: TraceCall | None = None) -> None:
        """Start with nothing recorded; `trace_call` traces the calls inside a component."""
        self._trace_call = trace_call
        self.params = 0
        self.frozen_params = 0
        self.macs = 0
        self.kernels: list[Weight] = []
        """Trainable kernels of convolutions and linear layers, in the order they are made."""
        self.ops: list[Op] = []
        self._inputs: dict[int, int] = {}
        self._storages = 0
        self._weights_known = False

    @property
    def weights(self) -> list[int]:
        """Sizes of the trainable kernels, in the order they are made."""
        return [kernel.size for kernel in self.kernels]

    def input(self, channels: int, height: int, width: int) -> FeatureMap:
        """A feature map that is there before the first operation."""
        x = FeatureMap(channels, height, width, self._storages)
        self._inputs[x.storage] = x.size
        self._storages += 1
        return x

    def call(self, x: FeatureMap, call: Call) -> FeatureMap:
        """Apply a module that is itself an argument: a filter, a shortcut, an inner block."""
        assert self._trace_call is not None, "made by `nas.families.trace_layers`"
        return self._trace_call(self, x, call)

    @contextmanager
    def weights_known(self, known: bool) -> Iterator[None]:
        """Within it, if `known`, kernels are those of an earlier application: not counted."""
        before, self._weights_known = self._weights_known, known or self._weights_known
        try:
            yield
        finally:
            self._weights_known = before

    def weight(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int = 1,
        groups: int = 1,
        bias: bool = False,
        frozen: bool = False,
        attends: bool = False,
    ) -> Weight:
        """Make a kernel; it counts once however often it is applied."""
        weight = Weight(in_channels, out_channels, kernel, groups, bias, attends)
        if self._weights_known:
            return weight
        if frozen:
            self.frozen_params += weight.size
        else:
            self.params += weight.size + (out_channels if bias else 0)
            self.kernels.append(weight)
        return weight

    def conv(self, x: FeatureMap, weight: Weight, *, stride: int = 1) -> FeatureMap:
        """Apply a kernel with padding kernel // 2."""
        height, width = strided(x.height, stride), strided(x.width, stride)
        out = self._write((x,), weight.out_channels, height, width)
        self.macs += weight.size * height * width
        return out

    def depthwise(
        self,
        x: FeatureMap,
        *,
        kernel: int = 3,
        stride: int = 1,
        chunks: int = 1,
        frozen: bool = False,
    ) -> FeatureMap:
        """Filter each channel on its own; `chunks` equal runs of channels share their kernels."""
        kernels = x.channels // chunks
        weight = self.weight(kernels, kernels, kernel=kernel, groups=kernels, frozen=frozen)
        height, width = strided(x.height, stride), strided(x.width, stride)
        self.macs += weight.size * chunks * height * width
        return self._write((x,), x.channels, height, width)

    def norm(self, x: FeatureMap) -> FeatureMap:
        """BatchNorm with its own scale and shift; in place."""
        self.params += 2 * x.channels
        return self.in_place(x)

    def in_place(self, x: FeatureMap, *others: FeatureMap) -> FeatureMap:
        """An elementwise operation that writes into `x` if nobody reads `x` afterwards."""
        return self._write((x, *others), x.channels, x.height, x.width, in_place=True)

    def copy(self, *xs: FeatureMap) -> FeatureMap:
        """Write maps behind each other into a new one: concatenation, or a shuffle of one map."""
        channels = sum(x.channels for x in xs)
        return self._write(xs, channels, xs[0].height, xs[0].width)

    def slice(self, x: FeatureMap, channels: int) -> FeatureMap:
        """A run of `x`'s channels; a view, nothing is written."""
        return FeatureMap(channels, x.height, x.width, x.storage)

    def max_pool(self, x: FeatureMap, *, stride: int = 2) -> FeatureMap:
        """Max pooling over 3x3 with padding 1."""
        return self._write((x,), x.channels, strided(x.height, stride), strided(x.width, stride))

    def global_pool(self, x: FeatureMap) -> FeatureMap:
        """One value per channel."""
        return self._write((x,), x.channels, 1, 1)

    def linear(self, x: FeatureMap, out_features: int) -> FeatureMap:
        """A fully connected layer with bias on a 1x1 map."""
        self.weight(x.channels, out_features, bias=True)
        self.macs += x.channels * out_features
        return self._write((x,), out_features, 1, 1)

    def peak_activation_bytes(self) -> int:
        """Largest sum of live maps over all operations, in bytes."""
        return BYTES_PER_ACTIVATION * peak_live_size(self.ops, self._inputs)

    def _write(
        self,
        reads: tuple[FeatureMap, ...],
        channels: int,
        height: int,
        width: int,
        *,
        in_place: bool = False,
    ) -> FeatureMap:
        out = FeatureMap(channels, height, width, self._storages)
        self._storages += 1
        self.ops.append(Op(tuple(x.storage for x in reads), out.storage, out.size, in_place))
        return out


def strided(size: int, stride: int) -> int:
    """Side of a map after a layer with `stride` and half-kernel padding.

    Raises IllegalArchitecture where there is nothing left to stride over.
    """
    if stride > 1 and size < 2:
        raise IllegalArchitecture(
            f"a layer with stride {stride} meets a feature map of side {size}: the input is too "
            "small for the strides; use larger images or fewer strided stages",
            rule="input too small",
        )
    return -(-size // stride)


def peak_live_size(ops: list[Op], inputs: dict[int, int]) -> int:
    """Largest number of elements alive at any op; `inputs` are alive from the start.

    An in-place op takes over the first of its inputs that has the output's size and is not
    read again. The last op's output is alive to the end.
    """
    last_read = {storage: when for when, op in enumerate(ops) for storage in op.reads}
    live = dict(inputs)
    peak = total = sum(live.values())
    for when, op in enumerate(ops):
        dying = [storage for storage in dict.fromkeys(op.reads) if last_read[storage] == when]
        if op.in_place:
            for storage in dying:
                if live.get(storage) == op.size:
                    total -= live.pop(storage)
                    break
        total += op.size - live.get(op.writes, 0)
        live[op.writes] = op.size
        peak = max(peak, total)
        for storage in dying:
            total -= live.pop(storage, 0)
    return peak
