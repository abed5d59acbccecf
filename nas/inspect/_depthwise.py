"""The depthwise kernels of a network, found by what the layers are, and their labels."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from nas.inspect._prototypes import LABELS, Label, label_kernels
from nas.layers.depthwise import FixedDepthwise
from nas.model import SharedNetwork
from nas.sharing import generated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

    from nas.inspect._parts import PlacedPart, Role
    from nas.model import Network


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelLayer:
    """One depthwise layer: its kernels, each with a label."""

    section: str
    stage: int | None
    role: Role
    title: str
    """Where in its section it is: `block 2`."""
    name: str
    """The module's name in the network: `body.4.filters`."""
    stride: int
    fixed: bool
    """Whether the kernels were given, not learned."""
    kernels: Tensor
    """(K, k, k) on the CPU."""
    labels: tuple[Label, ...]
    cosines: Tensor
    """(K,): to the nearest prototype; negative for the negative of one."""


def depthwise_layers(network: Network, parts: Iterable[PlacedPart]) -> tuple[KernelLayer, ...]:
    """Every depthwise layer of `network` whose kernels are square, odd and larger than 1x1."""
    layers = []
    with ExitStack() as stack:
        if isinstance(network, SharedNetwork):
            # Layers that read a ring have weights in this context only.
            stack.enter_context(generated(network.rings))
        for part in parts:
            found = list(_depthwise_modules(part.module))
            for inner, module in found:
                layers.append(_layer(part, inner, module, alone=len(found) == 1))
    return tuple(layers)


def label_shares(layers: Iterable[KernelLayer]) -> dict[Label, float]:
    """Share of every label among all kernels of `layers`; all zero where there are none."""
    counts = Counter(label for layer in layers for label in layer.labels)
    total = counts.total()
    return {label: counts[label] / total if total else 0.0 for label in LABELS}


def _depthwise_modules(
    module: nn.Module,
) -> Iterator[tuple[str, nn.Conv2d | FixedDepthwise]]:
    for name, inner in module.named_modules():
        if isinstance(inner, FixedDepthwise) or (
            isinstance(inner, nn.Conv2d)
            # One group over one channel is an ordinary convolution of a grey image.
            and inner.groups == inner.in_channels > 1
            and inner.kernel_size[0] == inner.kernel_size[1] > 1
            and inner.kernel_size[0] % 2 == 1
        ):
            yield name, inner


def _layer(
    part: PlacedPart, inner: str, module: nn.Conv2d | FixedDepthwise, *, alone: bool
) -> KernelLayer:
    if isinstance(module, FixedDepthwise):
        weight, stride, fixed = module.get_buffer("weight"), module.stride, True
    else:
        weight, stride, fixed = module.weight, module.stride[0], False
    kernels = weight.detach()[:, 0].to("cpu", copy=True).contiguous()
    labels, cosines = label_kernels(kernels)
    return KernelLayer(
        section=part.section,
        stage=part.stage,
        role=part.role,
        title=part.title if alone else f"{part.title} {inner}",
        name=f"{part.name}.{inner}" if inner else part.name,
        stride=stride,
        fixed=fixed,
        kernels=kernels,
        labels=labels,
        cosines=cosines,
    )
