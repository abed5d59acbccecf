"""The same costs measured on a built model, independently of any trace: the proof of `_exact`.

Multiply-accumulates come from torch's own `FlopCounterMode` over a forward pass; peak memory from
the operations torch dispatches in another.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from nas.arch import BYTES_PER_ACTIVATION, Op, peak_live_size
from nas.components import is_elementwise
from nas.sharing import Ring
from nas.trial import Cost

if TYPE_CHECKING:
    from torch import Tensor, nn


def measure_cost(model: nn.Module, *, input_shape: tuple[int, int, int]) -> Cost:
    """Costs of a built model for one image of `input_shape` (C, H, W).

    Runs it where it lies; built on the meta device it needs no data, which for a large network
    takes less memory, for a small one more time. Frozen parameters are its buffers of kernels
    (dimension 4) and parameters that need no gradient.
    """
    model = model.eval()
    image = torch.zeros((1, *input_shape), device=_device(model))
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        model(image)
    with torch.no_grad(), _Steps() as ops:
        ops.output = model(image)
    parameters = list(model.parameters())
    trained = [p for p in parameters if p.requires_grad]
    rings = [module for module in model.modules() if isinstance(module, Ring)]
    ring_params = sum(ring.values.numel() for ring in rings)
    generated = [
        shape.numel()
        for ring in rings
        for shape, layers in zip(ring.shapes, ring.layers, strict=True)
        for _ in layers
    ]
    kernels = [buffer for buffer in model.buffers() if buffer.dim() == 4]
    return Cost(
        params=sum(p.numel() for p in trained),
        ring_params=ring_params,
        kernel_params=sum(p.numel() for p in trained if p.dim() > 1) + ring_params,
        frozen_params=sum(p.numel() for p in parameters if not p.requires_grad)
        + sum(kernel.numel() for kernel in kernels),
        macs=flops.get_total_flops() // 2,
        peak_activation_bytes=BYTES_PER_ACTIVATION * ops.peak_live_size(image),
        generated_params=sum(generated),
        largest_generated=max(generated, default=0),
    )


def _device(model: nn.Module) -> torch.device:
    held = chain(model.parameters(), model.buffers())
    return next((tensor.device for tensor in held), torch.device("cpu"))


class _Steps(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes which storages each dispatched operation reads and writes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.ops: list[Op] = []
        self.output: Tensor | tuple[Tensor, ...] | None = None
        self._kept: list[Tensor] = []  # holds storages, so that their keys are never reused

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        written = out[0] if isinstance(out, tuple) else out
        reads = [item for arg in args for item in (arg if isinstance(arg, list) else [arg])]
        reads = [item for item in reads if isinstance(item, torch.Tensor)]
        self._kept += [written, *reads] if isinstance(written, torch.Tensor) else reads
        if not isinstance(out, list) and not func.is_view:
            in_place = is_elementwise(func.name())
            self.ops.append(
                Op(tuple(_storage(x) for x in reads), _storage(written), written.numel(), in_place)
            )
        return out

    def peak_live_size(self, image: Tensor) -> int:
        """Largest number of live activations: what follows from the image, not the weights."""
        alive = {_storage(image)}
        ops = []
        for op in [*self.ops, *self._held()]:
            reads = tuple(storage for storage in op.reads if storage in alive)
            if reads:
                alive.add(op.writes)
                ops.append(Op(reads, op.writes, op.size, op.in_place))
        return peak_live_size(ops, {_storage(image): image.numel()})

    def _held(self) -> list[Op]:
        """Of several outputs, that all of them are there in the end."""
        if not isinstance(self.output, tuple):
            return []
        return [Op(tuple(map(_storage, self.output)), -1, 0, in_place=False)]


def _storage(x: Tensor) -> int:
    return int(x.untyped_storage()._cdata)
