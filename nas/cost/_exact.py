"""Exact costs straight from the architecture: no torch, no model, tens of microseconds.

Every part is costed once per input shape and remembered; a network's cost is the sum of its
parts. Peak memory is the largest of its parts', because between two parts exactly one feature
map is alive.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from nas.arch import ring_budget, trace_layers
from nas.trial import Cost

if TYPE_CHECKING:
    from nas.arch import Architecture, Call, Weight
    from nas.trial import Deployment

Shape = tuple[int, int, int]
"""Channels, height, width of one image's feature map."""


@dataclass(frozen=True, slots=True)
class PartCost:
    """What one call adds to a network's cost, and the shape it hands on."""

    params: int
    frozen_params: int
    macs: int
    peak_activation_bytes: int
    out_shape: Shape
    kernels: tuple[Weight, ...]
    """Trainable kernels, in order of registration."""
    kernel_params: int
    """Weights of all of them."""


def cost_of(
    arch: Architecture,
    *,
    input_shape: Shape = (3, 224, 224),
    num_classes: int = 1000,
    deploy: Deployment = "generated",
) -> Cost:
    """Costs of `arch` for images of `input_shape` (C, H, W), equal to what the model measures.

    `deploy` says how a device has the kernels that rings generate.

    Raises IllegalArchitecture where there is no such network or the images are too small.
    """
    params = kernel_params = frozen_params = macs = peak = 0
    shape: Shape = arch.input_shape(input_shape)
    sections = arch.sections(input_shape[0], num_classes)
    for call in (call for _, calls in sections for call in calls):
        part = part_cost(call, shape)
        params += part.params
        frozen_params += part.frozen_params
        macs += part.macs
        peak = max(peak, part.peak_activation_bytes)
        shape = part.out_shape
        kernel_params += part.kernel_params
    ring_params = replaced = largest = 0
    if arch.is_shared:
        parts = arch.component_kernels(input_shape[0], num_classes)
        ring_params, replaced, largest = ring_budget(arch.sharers, parts)
    return Cost(
        params=params - replaced + ring_params,
        ring_params=ring_params,
        kernel_params=kernel_params - replaced + ring_params,
        frozen_params=frozen_params,
        macs=macs,
        peak_activation_bytes=peak,
        generated_params=replaced,
        largest_generated=largest,
        deploy=deploy,
    )


def output_shapes(
    arch: Architecture, *, input_shape: Shape, num_classes: int
) -> tuple[tuple[str, Shape], ...]:
    """Name and shape of what comes out: `logits`, or an output of each head.

    Raises IllegalArchitecture.
    """
    shape = arch.input_shape(input_shape)
    *body, head = arch.calls(in_channels=shape[0], num_classes=num_classes)
    for call in body:
        shape = part_cost(call, shape).out_shape
    heads = arch.head.calls_in(head) or {"logits": head}
    return tuple((name, part_cost(one, shape).out_shape) for name, one in heads.items())


@lru_cache(maxsize=1 << 17)
def part_cost(call: Call, in_shape: Shape) -> PartCost:
    """Costs of one call for a feature map of `in_shape`."""
    trace, out = trace_layers(call, in_shape)
    return PartCost(
        params=trace.params,
        frozen_params=trace.frozen_params,
        macs=trace.macs,
        peak_activation_bytes=trace.peak_activation_bytes(),
        out_shape=(out.channels, out.height, out.width),
        kernels=tuple(trace.kernels),
        kernel_params=sum(weight.size for weight in trace.kernels),
    )
