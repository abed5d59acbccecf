"""Sides of feature maps, and how much of them is alive at once. Arithmetic only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from nas.errors import IllegalArchitecture

if TYPE_CHECKING:
    from nas.components._layer_trace import FeatureMap, Op

Pair: TypeAlias = tuple[int, int]
"""Height and width."""
Side: TypeAlias = int | Pair
"""One number for both sides, or one for each."""
Padding: TypeAlias = Literal["same", "valid"]
"""Half of the kernel, so that stride 1 keeps the size; or none at all."""


def as_pair(side: Side) -> Pair:
    """Height and width."""
    return (side, side) if isinstance(side, int) else side


def convolved(
    x: FeatureMap, kernel: Side, stride: Side = 1, padding: Padding = "same", dilation: int = 1
) -> Pair:
    """Height and width of what a window that moves over `x` makes.

    Raises IllegalArchitecture where there is nothing left to move over.
    """
    if padding == "same":
        if isinstance(stride, int):
            return strided(x.height, stride), strided(x.width, stride)
        return strided(x.height, stride[0]), strided(x.width, stride[1])
    kernel, stride = as_pair(kernel), as_pair(stride)
    return (
        _unpadded(x.height, dilation * (kernel[0] - 1) + 1, stride[0]),
        _unpadded(x.width, dilation * (kernel[1] - 1) + 1, stride[1]),
    )


def _unpadded(size: int, window: int, stride: int) -> int:
    if size < window:
        raise IllegalArchitecture(
            f"a window of {window} without padding meets a feature map of side {size}: the input "
            "is too small; use larger images, smaller kernels or padding: same",
            rule="input too small",
        )
    return (size - window) // stride + 1


def strided(size: int, stride: int) -> int:
    """Side of a map after a layer with `stride` and half-kernel padding.

    A side of 1 stays 1, whatever the stride: signals of 1 x N go through square strides.
    """
    return -(-size // stride)


def peak_live_size(ops: list[Op], inputs: dict[int, int]) -> int:
    """Largest number of elements alive at any op; `inputs` are alive from the start.

    An in-place op takes over the first of its inputs that has the output's size and is not
    read again. The last op's output is alive to the end; what nobody ever reads is gone at once.
    """
    last_read = {storage: when for when, op in enumerate(ops) for storage in op.reads}
    live = dict(inputs)
    peak = total = sum(live.values())
    for when, (reads, writes, size, in_place) in enumerate(ops):
        dying = [storage for storage in reads if last_read[storage] == when]
        if in_place:
            for storage in dying:
                if live.get(storage) == size:
                    total -= live.pop(storage)
                    break
        total += size - live.get(writes, 0)
        live[writes] = size
        if total > peak:
            peak = total
        if writes not in last_read and when + 1 < len(ops):
            dying.append(writes)
        for storage in dying:
            total -= live.pop(storage, 0)
    return peak
