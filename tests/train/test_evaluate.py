from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas.data import load_data
from nas.train import (
    Recipe,
    Regularization,
    _evaluate,
    evaluate_model,
    measure_model,
    missed_classes,
    seeded,
    train_model,
)
from nas.train._evaluate import batch_size
from tests.small_data import blobs, tiny_cnn

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data import ImageData


@pytest.fixture
def data(npz: Path) -> ImageData:
    return load_data(str(npz))


class Constant(nn.Module):
    """Prefers class 2 by log 3, whatever it sees."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tensor([0.0, 0.0, math.log(3), 0.0]).expand(len(x), 4)


def test_a_constant_answer_scores_by_hand(data: ImageData) -> None:
    images = data.train.first(200)

    accuracy, loss = evaluate_model(Constant(), images, data)

    assert accuracy == pytest.approx(0.25)
    assert loss == pytest.approx(0.25 * math.log(2) + 0.75 * math.log(6), rel=1e-6)


def test_classes_that_are_never_recognised_are_named(data: ImageData) -> None:
    others = tuple(name for name in data.class_names if name != data.class_names[2])
    assert missed_classes(Constant(), data.train, data) == others
    only = data.train.labels == 1
    ones = dataclasses.replace(
        data.train, pixels=data.train.pixels[only], labels=data.train.labels[only]
    )
    # Classes without images are not missed.
    assert missed_classes(Constant(), ones, data) == (data.class_names[1],)


def test_equals_one_large_batch(data: ImageData) -> None:
    model = tiny_cnn().eval()
    inputs = (data.train.pixels / 255 - data.mean[0]) / data.std[0]
    with torch.no_grad():
        logits = model(inputs)

    accuracy, loss = evaluate_model(model, data.train, data)

    assert accuracy == pytest.approx((logits.argmax(1) == data.train.labels).float().mean().item())
    assert loss == pytest.approx(
        nn.functional.cross_entropy(logits, data.train.labels).item(), rel=1e-4
    )


@pytest.mark.parametrize("training", [True, False])
def test_leaves_the_model_as_it_was(data: ImageData, training: bool) -> None:
    model = tiny_cnn().train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}

    evaluate_model(model, data.val, data)

    assert model.training is training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("sides", "images"), [((28, 28), 128), ((64, 64), 128), ((1, 16000), 32), ((224, 224), 10)]
)
def test_fewer_large_images_are_scored_at_a_time(sides: tuple[int, int], images: int) -> None:
    assert batch_size(sides, torch.device("cpu")) == images


def test_very_large_images_are_still_scored_together() -> None:
    assert batch_size((4000, 4000), torch.device("cpu")) == 8


def test_the_size_of_a_batch_changes_no_score(
    data: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model, images = tiny_cnn(), data.train.first(200)
    whole = evaluate_model(model, images, data)
    monkeypatch.setattr(_evaluate, "_PIXELS", 1)
    assert evaluate_model(model, images, data) == pytest.approx(whole, rel=1e-6)


def test_floats_are_scored_and_averaged_without_being_changed(tmp_path: Path) -> None:
    images, labels = blobs(160)
    np.savez(tmp_path / "floats.npz", images=images / 255.0 - 0.2, labels=labels)
    data = load_data(str(tmp_path / "floats.npz"))
    before = data.train.pixels.clone(), data.val.pixels.clone()
    recipe = Recipe(epochs=2, batch_size=16, regularization=Regularization(ema=0.9))

    with seeded(0):
        model = tiny_cnn()
    trained = train_model(model, data, recipe, seed=0)

    assert data.train.pixels.dtype == torch.float32
    assert torch.equal(data.train.pixels, before[0])
    assert torch.equal(data.val.pixels, before[1])
    assert measure_model(model, data.val, data) == trained.chosen.validation
