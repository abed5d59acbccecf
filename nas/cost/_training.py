"""How much memory a training needs at least, before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.cost._exact import cost_of, part_cost

if TYPE_CHECKING:
    from nas.arch import Architecture
    from nas.cost._exact import Shape

BYTES_PER_TRAINED = 16
"""A trained scalar in fp32, its gradient, and the two moments that AdamW keeps of it."""
BYTES_PER_FROZEN = 4
BYTES_PER_ACTIVATION = 2
"""In half precision; in single precision it is twice as much."""


def training_bytes(
    arch: Architecture, *, input_shape: Shape, num_classes: int, batch_size: int
) -> int:
    """Bytes that training `arch` on batches of (C, H, W) images takes at least.

    Trained and frozen weights, their gradients and moments, and of the batch's activations the
    feature map that every block hands on, which its backward pass needs. What lies within blocks
    comes on top, so a machine with less than this cannot train the network.

    Raises IllegalArchitecture where there is no such network.
    """
    cost = cost_of(arch, input_shape=input_shape, num_classes=num_classes)
    shape, values = arch.input_shape(input_shape), 0
    for _, calls in arch.sections(input_shape[0], num_classes):
        for call in calls:
            shape = part_cost(call, shape).out_shape
            values += shape[0] * shape[1] * shape[2]
    weights = BYTES_PER_TRAINED * cost.params + BYTES_PER_FROZEN * cost.frozen_params
    return weights + BYTES_PER_ACTIVATION * batch_size * values
