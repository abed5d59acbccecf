"""What PyTorch runs slowly on a CPU, computed another way while a network trains.

* oneDNN has quick kernels for depthwise convolutions with one kernel per channel, and for the
  gradient of kernels up to three columns wide; whatever else falls back to code 5 to 15 times
  slower. Both are put in terms of the quick ones.
* LruNet's channel shuffles, written with `stack`, copy a map from channels last into rows, and
  what follows has to copy it back. torch's own `channel_shuffle` keeps the format.
* In bfloat16, a strided kernel's gradient is at times not a number where the map is one pixel, as
  it can be on a low rung (oneDNN in torch 2.15): there the convolution is computed in float32.

The numbers are the same but for rounding. The blocks themselves stay as they are: what is quick
here is slow, or cannot be written down, in the formats that networks are deployed in.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.layers.shuffle import halves, halves_interleave, interleave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Convolve = Callable[[nn.Conv2d, Tensor, Tensor, Tensor | None], Tensor]

QUICK_COLUMNS = 3
"""Width up to which the gradient of depthwise kernels is quick."""


@contextmanager
def fast_cpu_kernels(model: nn.Module) -> Iterator[None]:
    """Within this context a model on the CPU computes the same, more quickly."""
    with ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, nn.Conv2d) and (way := _quick_convolution(module)) is not None:
                # Not `forward`, in which subclasses do more than convolve.
                stack.enter_context(_replaced(module, "_conv_forward", partial(way, module)))
            for name, value in _shuffles(module):
                stack.enter_context(_replaced(module, name, _QUICK_SHUFFLES[value]))
        yield


def _shuffles(module: nn.Module) -> list[tuple[str, object]]:
    """The module's attributes that are shuffles known to be slow."""
    functions = ((name, value) for name, value in vars(module).items() if callable(value))
    return [(name, value) for name, value in functions if value in _QUICK_SHUFFLES]


@contextmanager
def _replaced(module: nn.Module, name: str, value: object) -> Iterator[None]:
    """Within this context an attribute of the module, its own or its class's, is `value`."""
    own = vars(module)
    before = {name: own[name]} if name in own else {}
    setattr(module, name, value)
    try:
        yield
    finally:
        delattr(module, name)
        own.update(before)


# -- shuffles -------------------------------------------------------------------------------------


def _quick_interleave(x: Tensor) -> Tensor:
    return functional.channel_shuffle(x, 2)


def _quick_halves_interleave(x: Tensor) -> Tensor:
    return functional.channel_shuffle(halves(x), 2)


_QUICK_SHUFFLES: dict[object, Callable[[Tensor], Tensor]] = {
    interleave: _quick_interleave,
    halves_interleave: _quick_halves_interleave,
}


# -- convolutions ---------------------------------------------------------------------------------


def _quick_convolution(conv: nn.Conv2d) -> Convolve | None:
    """How to convolve in its stead; None where its own way is quick."""
    if conv.groups == 1 and conv.stride != (1, 1) and conv.padding_mode == "zeros":
        return _convolve_strided
    is_depthwise = 1 < conv.groups == conv.in_channels
    if not is_depthwise or conv.padding_mode != "zeros" or conv.dilation != (1, 1):
        return None
    if conv.out_channels == 2 * conv.in_channels:
        return _convolve_doubled
    if conv.out_channels == conv.in_channels and conv.kernel_size[1] > QUICK_COLUMNS:
        return _convolve_wide
    return None


def _convolve_strided(conv: nn.Conv2d, x: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
    """In float32 where the map has a single row or column."""
    enabled = torch.is_autocast_enabled("cpu") and min(x.shape[-2:]) > 1
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
        x = x if enabled else x.to(kernels.dtype)
        return functional.conv2d(x, kernels, bias, conv.stride, conv.padding, conv.dilation)


def _convolve_doubled(conv: nn.Conv2d, x: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
    """Two kernels per channel: every channel is doubled first, so that each kernel has its own."""
    pixels = x.movedim(1, -1)
    # Real and imaginary parts lie side by side in memory: by far the quickest way to double.
    doubled = torch.view_as_real(torch.complex(pixels, pixels)).flatten(-2).movedim(-1, 1)
    return functional.conv2d(
        doubled, kernels, bias, conv.stride, conv.padding, groups=len(kernels)
    )


def _convolve_wide(conv: nn.Conv2d, x: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
    y: Tensor = _WideDepthwise.apply(x, kernels, conv.stride, conv.padding)
    return y if bias is None else y + bias[:, None, None]


class _WideDepthwise(torch.autograd.Function):
    """A depthwise convolution whose kernel gradient is computed a few columns at a time."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, kernels: Tensor, stride: tuple[int, int], padding: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(x, kernels)
        ctx.stride, ctx.padding = stride, padding
        return functional.conv2d(x, kernels, None, stride, padding, groups=len(kernels))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, kernels = ctx.saved_tensors
        (gradient,) = gradients
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_x = of_kernels = None
        if ctx.needs_input_grad[0]:
            of_x = _gradient(gradient, x, kernels, ctx.stride, ctx.padding, of_input=True)
        if ctx.needs_input_grad[1]:
            of_kernels = _kernel_gradient(gradient, x, kernels, ctx.stride, ctx.padding)
        return of_x, of_kernels, None, None


def _kernel_gradient(
    gradient: Tensor, x: Tensor, kernels: Tensor, stride: tuple[int, int], padding: tuple[int, int]
) -> Tensor:
    """The gradient of `kernels`: each run of columns sees the image from where it starts."""
    down, right = padding
    padded = functional.pad(x, (right, right, down, down))
    reach = stride[1] * (gradient.shape[3] - 1)
    parts = []
    for start in range(0, kernels.shape[3], QUICK_COLUMNS):
        columns = kernels[..., start : start + QUICK_COLUMNS]
        seen = padded[..., start : start + reach + columns.shape[3]]
        seen = seen.contiguous(memory_format=torch.channels_last)
        parts.append(_gradient(gradient, seen, columns, stride, (0, 0), of_input=False))
    return torch.cat(parts, dim=3)


def _gradient(
    gradient: Tensor,
    x: Tensor,
    kernels: Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
    *,
    of_input: bool,
) -> Tensor:
    """PyTorch's own gradient of a depthwise convolution, by its input or by its kernels."""
    wanted = (of_input, not of_input, False)
    result: tuple[Tensor, ...] = torch.ops.aten.convolution_backward(
        gradient, x, kernels, None, stride, padding, (1, 1), False, (0, 0), len(kernels), wanted
    )
    return result[0 if of_input else 1]
