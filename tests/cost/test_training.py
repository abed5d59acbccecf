"""How much memory a training needs at least, against what torch keeps for the backward pass."""

from __future__ import annotations

import pytest
import torch

from nas.cost import cost_of, training_bytes
from nas.model import build_model
from nas.space import catalogue, load_architecture

ZOO = sorted(name for name, path in catalogue().items() if path.parent.name == "zoo")
NETWORKS = [name for name in ZOO if name.startswith("lrunet")][:8]


def test_batches_add_activations_to_weights_and_their_moments() -> None:
    arch = load_architecture(NETWORKS[0])
    shape = {"input_shape": (3, 32, 32), "num_classes": 10}
    cost = cost_of(arch, **shape)
    none, one, two = (training_bytes(arch, **shape, batch_size=size) for size in (0, 1, 2))
    assert none == 16 * cost.params + 4 * cost.frozen_params
    assert two - one == one - none > 0


def test_networks_that_shrink_images_are_counted_at_their_own_size() -> None:
    arch, shrinking = (
        load_architecture("resnet20_cifar", overrides) for overrides in ([], ["resolution=16"])
    )
    rest = {"num_classes": 10, "batch_size": 8}
    small = training_bytes(arch, input_shape=(3, 16, 16), **rest)
    assert training_bytes(shrinking, input_shape=(3, 32, 32), **rest) == small
    assert small < training_bytes(arch, input_shape=(3, 32, 32), **rest)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_no_more_than_what_training_really_keeps(name: str) -> None:
    arch = load_architecture(name)
    model = build_model(arch, in_channels=3, num_classes=10).train()
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model(torch.zeros(4, 3, 32, 32))
    optimizer = 12 * sum(one.numel() for one in model.parameters() if one.requires_grad)
    real = sum(kept.values()) + optimizer + output.nbytes
    estimate = training_bytes(arch, input_shape=(3, 32, 32), num_classes=10, batch_size=4)
    assert 0.02 * real < estimate <= real
