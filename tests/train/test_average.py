from __future__ import annotations

import pytest
import torch
from torch import nn

from nas.data import Images
from nas.train._augment import Normalizer
from nas.train._average import averaged, estimate_norms


def test_an_average_follows_fast_at_first_and_by_its_decay_later() -> None:
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.0)
    average = averaged(model, 0.9)
    expected, values = 0.0, [1.0, 2.0, 3.0] + [4.0] * 300
    average.update_parameters(model)
    for count, value in enumerate(values, 1):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update_parameters(model)
        decay = min(0.9, (1 + count) / (10 + count))
        expected = decay * expected + (1 - decay) * value
        assert average.module.weight.item() == pytest.approx(expected, rel=1e-4)
    assert expected == pytest.approx(4.0)


def test_a_shared_weight_is_averaged_once() -> None:
    layer = nn.Linear(2, 2, bias=False)
    average = averaged(nn.Sequential(layer, nn.ReLU(), layer), 0.9)

    assert average.module[0].weight is average.module[2].weight


def test_norms_get_the_mean_and_variance_of_the_images() -> None:
    pixels = torch.randint(256, (600, 2, 4, 4), dtype=torch.uint8)
    images = Images(pixels=pixels, labels=torch.zeros(600, dtype=torch.int64))
    normalize = Normalizer((0.5, 0.5), (0.25, 0.25), torch.device("cpu"))
    model = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout(0.5)).eval()
    state = torch.get_rng_state()

    estimate_norms(model, images, normalize)

    inputs = normalize(pixels)
    assert torch.allclose(model[0].running_mean, inputs.mean((0, 2, 3)), atol=1e-2)
    assert torch.allclose(model[0].running_var, inputs.var((0, 2, 3)), atol=2e-2)
    assert model[0].momentum == 0.1
    assert not model.training
    assert torch.equal(torch.get_rng_state(), state)
