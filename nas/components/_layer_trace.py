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

from nas.components._geometry import Padding, Side, convolved, peak_live_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nas.components._call import Call

BYTES_PER_ACTIVATION = 4
KernelKind = Literal["depthwise", "pointwise", "spatial", "attention"]
LayerKind = Literal[
    "conv", "norm", "activation", "add", "copy", "pool", "global_pool", "linear", "other"
]


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
    kernel: Side
    """One number for a square kernel."""
    groups: int
    bias: bool
    attends: bool = False
    """Whether it computes gates of channels rather than channels."""

    @property
    def taps(self) -> int:
        """Elements of one kernel over one channel."""
        kernel = self.kernel
        return kernel**2 if isinstance(kernel, int) else kernel[0] * kernel[1]

    @property
    def size(self) -> int:
        """Number of kernel elements, without the bias."""
        return self.out_channels * (self.in_channels // self.groups) * self.taps

    @property
    def kind(self) -> KernelKind:
        """What kind of kernel it is, as `sharing.private` names them."""
        if self.attends:
            return "attention"
        if self.groups > 1 and self.groups == self.in_channels:
            return "depthwise"
        return "pointwise" if self.taps == 1 else "spatial"


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

    sizes_known = True
    """False where only kernels are asked for, and maps are of any size."""

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
        self.counts_weights = True
        """False while weights are those of an earlier application."""

    @property
    def weights(self) -> list[int]:
        """Sizes of the trainable kernels, in the order they are made."""
        return [kernel.size for kernel in self.kernels]

    def input(self, channels: int, height: int, width: int) -> FeatureMap:
        """A feature map that is there before the first operation."""
        x = FeatureMap(channels, height, width, self.storage())
        self._inputs[x.storage] = x.size
        return x

    def storage(self) -> int:
        """The number of a new storage."""
        self._storages += 1
        return self._storages - 1

    def call(self, x: FeatureMap, call: Call) -> FeatureMap:
        """Apply a module that is itself an argument: a filter, a shortcut, an inner block."""
        assert self._trace_call is not None, "made by `nas.families.trace_layers`"
        return self._trace_call(self, x, call)

    def note(self, kind: LayerKind, x: FeatureMap, out: FeatureMap, weight: Weight | None) -> None:
        """Called for every layer; for those who want to know more than costs."""

    @contextmanager
    def weights_known(self, known: bool) -> Iterator[None]:
        """Within it, if `known`, kernels are those of an earlier application: not counted."""
        before, self.counts_weights = self.counts_weights, self.counts_weights and not known
        try:
            yield
        finally:
            self.counts_weights = before

    # -- weights -------------------------------------------------------------------------------

    def weight(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: Side = 1,
        groups: int = 1,
        bias: bool = False,
        frozen: bool = False,
        attends: bool = False,
    ) -> Weight:
        """Make a kernel; it counts once however often it is applied."""
        weight = Weight(in_channels, out_channels, kernel, groups, bias, attends)
        if not self.counts_weights:
            return weight
        if frozen:
            self.frozen_params += weight.size
        else:
            self.params += weight.size + (out_channels if bias else 0)
            self.kernels.append(weight)
        return weight

    # -- layers --------------------------------------------------------------------------------

    def conv(
        self,
        x: FeatureMap,
        weight: Weight,
        *,
        stride: Side = 1,
        padding: Padding = "same",
        dilation: int = 1,
    ) -> FeatureMap:
        """Apply a kernel; by default padded by half of it."""
        height, width = convolved(x, weight.kernel, stride, padding, dilation)
        self.macs += weight.size * height * width
        return self._write("conv", (x,), weight.out_channels, height, width, weight=weight)

    def depthwise(
        self,
        x: FeatureMap,
        *,
        kernel: Side = 3,
        stride: Side = 1,
        chunks: int = 1,
        frozen: bool = False,
        padding: Padding = "same",
        dilation: int = 1,
    ) -> FeatureMap:
        """Filter each channel on its own; `chunks` equal runs of channels share their kernels."""
        kernels = x.channels // chunks
        weight = self.weight(kernels, kernels, kernel=kernel, groups=kernels, frozen=frozen)
        height, width = convolved(x, kernel, stride, padding, dilation)
        self.macs += weight.size * chunks * height * width
        applied = Weight(x.channels, x.channels, kernel, x.channels, bias=False)
        return self._write("conv", (x,), x.channels, height, width, weight=applied)

    def norm(self, x: FeatureMap) -> FeatureMap:
        """BatchNorm with its own scale and shift; in place."""
        self.params += 2 * x.channels
        return self._write("norm", (x,), x.channels, x.height, x.width, in_place=True)

    def in_place(self, x: FeatureMap, *others: FeatureMap) -> FeatureMap:
        """An elementwise operation that writes into `x` if nobody reads `x` afterwards."""
        kind: LayerKind = "add" if others else "activation"
        return self._write(kind, (x, *others), x.channels, x.height, x.width, in_place=True)

    def copy(self, *xs: FeatureMap) -> FeatureMap:
        """Write maps behind each other into a new one: concatenation, or a shuffle of one map."""
        channels = sum(x.channels for x in xs)
        return self._write("copy", xs, channels, xs[0].height, xs[0].width)

    def slice(self, x: FeatureMap, channels: int) -> FeatureMap:
        """A run of `x`'s channels; a view, nothing is written."""
        return FeatureMap(channels, x.height, x.width, x.storage)

    def max_pool(
        self, x: FeatureMap, *, kernel: Side = 3, stride: Side = 2, padding: Padding = "same"
    ) -> FeatureMap:
        """Pooling of the maximum, or of the average."""
        height, width = convolved(x, kernel, stride, padding)
        return self._write("pool", (x,), x.channels, height, width)

    def resize(
        self, x: FeatureMap, height: int, width: int, channels: int | None = None
    ) -> FeatureMap:
        """A new map of another size: upsampling, cropping, padding."""
        return self._write("other", (x,), channels or x.channels, height, width)

    def global_pool(self, x: FeatureMap) -> FeatureMap:
        """One value per channel."""
        return self._write("global_pool", (x,), x.channels, 1, 1)

    def linear(self, x: FeatureMap, out_features: int) -> FeatureMap:
        """A fully connected layer with bias on a 1x1 map."""
        weight = self.weight(x.channels, out_features, bias=True)
        self.macs += x.channels * out_features
        return self._write("linear", (x,), out_features, 1, 1, weight=weight)

    def hold(self, *xs: FeatureMap) -> FeatureMap:
        """Keep several maps until all are there: the outputs of a network, counted as one."""
        held = FeatureMap(sum(x.size for x in xs), 1, 1, self.storage())
        self.ops.append(Op(tuple([x.storage for x in xs]), held.storage, 0, in_place=False))
        return held

    # -- totals --------------------------------------------------------------------------------

    def peak_activation_bytes(self) -> int:
        """Largest sum of live maps over all operations, in bytes."""
        return BYTES_PER_ACTIVATION * peak_live_size(self.ops, self._inputs)

    def _write(
        self,
        kind: LayerKind,
        reads: Sequence[FeatureMap],
        channels: int,
        height: int,
        width: int,
        *,
        in_place: bool = False,
        weight: Weight | None = None,
    ) -> FeatureMap:
        storage = self._storages
        self._storages += 1
        out = FeatureMap(channels, height, width, storage)
        read = tuple([x.storage for x in reads])
        self.ops.append(Op(read, storage, channels * height * width, in_place))
        self.note(kind, reads[0], out, weight)
        return out
