"""The layers of a class that no family wrote down: its module, run once on the meta device.

Shapes only, no data: a forward pass of one image whose operations torch dispatches to a recorder.
Multiply-accumulates come from torch's own table. Remembered for every call and input shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from nas.components import FeatureMap, Op, Weight, is_elementwise
from nas.errors import IllegalArchitecture
from nas.families._names import instantiate
from nas.layers.squeeze_excite import SqueezeExcite

if TYPE_CHECKING:
    from nas.components import Call, LayerKind, LayerTrace

ANY_SIDES = (64, 64)
"""Where only kernels are asked for."""
_KINDS: dict[str, LayerKind] = {
    "aten::convolution": "conv",
    "aten::addmm": "linear",
    "aten::mm": "linear",
    "aten::cat": "copy",
    "aten::stack": "copy",
    "aten::clone": "copy",
    "aten::mean.dim": "global_pool",
    "aten::max_pool2d_with_indices": "pool",
    "aten::avg_pool2d": "pool",
    "aten::native_batch_norm": "norm",
    "aten::_native_batch_norm_legit_no_training": "norm",
    "aten::add.Tensor": "add",
    "aten::sub.Tensor": "add",
    "aten::mul.Tensor": "add",
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One dispatched operation that depends on the image."""

    op: Op
    """Storages are numbered from 0, the input's."""
    kind: LayerKind
    macs: int
    weight: Weight | None
    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Recording:
    """What one call does to a feature map of one shape."""

    layers: tuple[Layer, ...]
    kernels: tuple[Weight, ...]
    """Trainable kernels, in order of registration."""
    params: int
    frozen_params: int
    params_of_each: int
    """Of `params`, those that every application under `reuse` has of its own."""
    out: FeatureMap
    storages: int


def trace_module(trace: LayerTrace, x: FeatureMap, call: Call) -> FeatureMap:
    """Write the layers of a call's module into `trace`.

    Raises IllegalArchitecture where the module cannot be made, or not applied to such a map.
    """
    sides = (x.height, x.width) if trace.sizes_known else ANY_SIDES
    made = record(call, (x.channels, *sides))
    if trace.counts_weights:
        trace.params += made.params
        trace.frozen_params += made.frozen_params
        trace.kernels += made.kernels
    else:
        trace.params += made.params_of_each
    storages = [x.storage, *(trace.storage() for _ in range(made.storages - 1))]
    for layer in made.layers:
        reads = tuple(storages[number] for number in layer.op.reads)
        writes = storages[layer.op.writes]
        trace.ops.append(Op(reads, writes, layer.op.size, layer.op.in_place))
        trace.macs += layer.macs
        read = FeatureMap(*layer.in_shape, reads[0])
        trace.note(layer.kind, read, FeatureMap(*layer.out_shape, writes), layer.weight)
    return made.out._replace(storage=storages[made.out.storage])


@lru_cache(maxsize=1 << 14)
def record(call: Call, in_shape: tuple[int, int, int]) -> Recording:
    """Make the call's module on the meta device and run it once."""
    try:
        with torch.device("meta"):
            module = instantiate(call).eval()
            image = torch.empty((1, *in_shape))
        with torch.no_grad(), Recorder(image) as recorder:
            out = module(image)
        layers = recorder.layers()
        shape = _shape_of(out)
    except Exception as error:
        sides = " x ".join(map(str, in_shape))
        raise IllegalArchitecture(
            f"{call.name}: cannot be applied to a feature map of {sides}: {error}",
            rule=f"{call.name} does not fit its input",
        ) from error
    trained = {id(p): p for p in module.parameters() if p.requires_grad}
    kernels = _kernels(module)
    return Recording(
        layers=layers,
        kernels=kernels,
        params=sum(p.numel() for p in trained.values()),
        frozen_params=_frozen(module),
        params_of_each=_params_of_each(module),
        out=FeatureMap(*shape, recorder.number(out)),
        storages=recorder.storages,
    )


def _kernels(module: nn.Module) -> tuple[Weight, ...]:
    attending = {
        inner
        for outer in module.modules()
        if isinstance(outer, SqueezeExcite) or getattr(outer, "attends", False)
        for inner in outer.modules()
    }
    return tuple(
        _weight(layer, attends=layer in attending)
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.weight.requires_grad
    )


def _weight(layer: nn.Conv2d | nn.Linear, *, attends: bool = False) -> Weight:
    bias = layer.bias is not None
    if isinstance(layer, nn.Linear):
        return Weight(layer.in_features, layer.out_features, 1, 1, bias, attends)
    height, width = layer.kernel_size
    kernel = height if height == width else (height, width)
    return Weight(layer.in_channels, layer.out_channels, kernel, layer.groups, bias, attends)


def _frozen(module: nn.Module) -> int:
    parameters = sum(p.numel() for p in module.parameters() if not p.requires_grad)
    return parameters + sum(b.numel() for b in module.buffers() if b.dim() == 4)


def _params_of_each(module: nn.Module) -> int:
    """What `Reuse` copies: BatchNorms, and parameters that a module with children holds itself."""
    return sum(
        p.numel()
        for inner in module.modules()
        if isinstance(inner, nn.BatchNorm2d) or any(True for _ in inner.children())
        for p in inner.parameters(recurse=False)
        if p.requires_grad
    )


def _shape_of(x: Tensor) -> tuple[int, int, int]:
    """Channels, height and width; whatever else there is counts as channels."""
    height, width = x.shape[-2:] if x.dim() > 3 else (*x.shape[2:], 1, 1)[:2]
    return x.numel() // (height * width), height, width


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the operations that torch dispatches, with the storages they read and write."""

    def __init__(self, image: Tensor) -> None:
        """`image` is what the operations of interest depend on; its storage is number 0."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._calls: list[tuple[Any, list[Tensor], Tensor, int]] = []
        self._numbers: dict[int, int] = {_storage(image): 0}
        self._kept = [image]  # holds storages, so that their keys are never reused

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        written = out[0] if isinstance(out, tuple) else out
        if isinstance(written, Tensor) and not func.is_view:
            reads = [item for arg in args for item in (arg if isinstance(arg, list) else [arg])]
            tensors = [item for item in reads if isinstance(item, Tensor)]
            self._kept += [written, *tensors]
            self._calls.append((func, tensors, written, _macs(func, args, kwargs, out)))
        return out

    @property
    def storages(self) -> int:
        """How many storages depend on the image, its own included."""
        return len(self._numbers)

    def number(self, x: Tensor) -> int:
        """The number of a tensor's storage."""
        return self._numbers[_storage(x)]

    def layers(self) -> tuple[Layer, ...]:
        """The operations that depend on the image."""
        made = []
        for func, tensors, written, macs in self._calls:
            alive = [x for x in tensors if _storage(x) in self._numbers]
            if not alive:
                continue
            writes = self._numbers.setdefault(_storage(written), len(self._numbers))
            reads = tuple(self.number(x) for x in alive)
            op = Op(reads, writes, written.numel(), is_elementwise(func.name()))
            made.append(_layer(func, op, tensors, alive, written, macs))
        return tuple(made)


def _layer(
    func: Any, op: Op, tensors: list[Tensor], alive: list[Tensor], written: Tensor, macs: int
) -> Layer:
    name = func.name()
    kind: LayerKind = _KINDS.get(name, "activation" if op.in_place else "other")
    if kind == "add" and len(alive) == 1:
        kind = "activation"
    weight = None
    if kind == "conv":
        weight = _applied(tensors[1], alive[0], written)
    elif kind == "linear":
        weight = Weight(alive[0].shape[-1], written.shape[-1], 1, 1, bias=True)
    return Layer(op, kind, macs, weight, _shape_of(alive[0]), _shape_of(written))


def _applied(kernel: Tensor, x: Tensor, written: Tensor) -> Weight:
    """The kernel as it is applied, folded batches undone."""
    height, width = kernel.shape[2:]
    side = height if height == width else (height, width)
    times, channels = x.shape[0], x.shape[1]
    groups = channels // kernel.shape[1] * times
    return Weight(channels * times, written.shape[1] * times, side, groups, bias=False)


def _macs(func: Any, args: Any, kwargs: Any, out: Any) -> int:
    counter = flop_registry.get(func._overloadpacket)
    return 0 if counter is None else int(counter(*args, **(kwargs or {}), out_val=out)) // 2


def _storage(x: Tensor) -> int:
    return int(x.untyped_storage()._cdata)
