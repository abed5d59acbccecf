from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from nas.model import build_model
from nas.proxy import train_proxy
from nas.quantize import quantize_int8, train_aware
from nas.quantize._aware import rounded
from nas.space import parse_space
from nas.train import seeded
from nas.trial import Fidelity
from tests.small_data import brightness_steps

if TYPE_CHECKING:
    from nas.data import ImageData

FIDELITY = Fidelity(epochs=4, batch_size=8)
NETWORK = """
stem: {conv: {channels: 8, stride: 2}}
stages:
  - {channels: 8, depth: 1, stride: 1, block: {lru: {reuse: 2}}}
head: gap_linear
"""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    return brightness_steps(tmp_path_factory.mktemp("data"))


def trained(data: ImageData) -> nn.Module:
    arch = parse_space(NETWORK, source="f.yaml", name="f").decode(())
    with seeded(0):
        model = build_model(arch, in_channels=1, num_classes=3)
    train_proxy(model, data, FIDELITY, seed=0)
    return model.eval()


def test_kernels_are_rounded_by_channel_and_gradients_pass() -> None:
    layer = nn.Conv2d(3, 2, 3)
    exact = layer.weight.detach().clone()
    images = torch.rand(4, 3, 8, 8)
    with rounded(layer):
        held = layer.weight.detach()
        scales = exact.flatten(1).abs().amax(1) / 127
        steps_ = held / scales.view(-1, 1, 1, 1)
        torch.testing.assert_close(steps_, steps_.round(), rtol=0, atol=1e-3)
        assert not torch.equal(held, exact)
        layer(images).sum().backward()

    assert torch.equal(layer.weight, exact)
    assert layer.weight.grad is not None
    assert bool(layer.weight.grad.abs().sum() > 0)
    assert sorted(name for name, _ in layer.named_parameters()) == ["bias", "weight"]


def test_maps_are_rounded_to_256_values() -> None:
    layer = nn.Linear(64, 64, bias=False)
    nn.init.eye_(layer.weight)
    images = torch.randn(32, 64)
    with rounded(layer):
        seen = layer(images)
    assert len(seen.unique()) <= 256
    assert not torch.equal(seen, images)
    torch.testing.assert_close(seen, images, rtol=0, atol=float(images.max() - images.min()) / 255)


def test_the_network_itself_is_left_alone(steps: ImageData) -> None:
    model = trained(steps)
    before = copy.deepcopy(model.state_dict())
    aware = train_aware(model, steps, FIDELITY, epochs=1)

    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert aware.state_dict().keys() == before.keys()
    assert any(not torch.equal(value, before[name]) for name, value in aware.state_dict().items())


def test_training_in_8_bits_lessens_what_8_bits_cost(steps: ImageData) -> None:
    """Disturbed kernels: the plain ways keep what is left of them, training mends them."""
    model = trained(steps)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.add_(0.3 * torch.randn_like(layer.weight))
    aware = train_aware(model, steps, FIDELITY, epochs=4)
    plain = quantize_int8(model, steps, FIDELITY)
    made = quantize_int8(model, steps, FIDELITY, aware=aware)

    assert made.tried[0][0] == "aware"
    assert made.fp32_accuracy == plain.fp32_accuracy
    assert made.int8_accuracy >= max(plain.int8_accuracy, 0.9)
