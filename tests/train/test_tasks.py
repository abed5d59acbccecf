from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from nas.data import DataOptions, ImageData, Images
from nas.data._options import Task
from nas.errors import OptionError, RecipeError
from nas.export._answers import ANSWERS
from nas.train import (
    TASKS,
    Augmentation,
    Augmenter,
    Recipe,
    Regularization,
    evaluate_model,
    measure_model,
    task_of,
    train_model,
)
from nas.train._augment import augment_with_masks
from nas.train._task import balanced_weights
from nas.train._tasks import segmentation_loss
from tests.small_data import blobs

CPU = torch.device("cpu")


def _data(task: str) -> ImageData:
    images, labels = blobs(160)
    targets: Any = {
        "multilabel": np.stack([labels % 2, labels // 2], 1).astype(np.uint8),
        "segmentation": (images > 95).astype(np.uint8),
        "regression": np.stack([labels % 2, labels // 2], 1).astype(np.float32),
    }[task]
    pixels, wanted = torch.from_numpy(images)[:, None], torch.from_numpy(targets)
    return ImageData(
        name="blobs",
        class_names=("a", "b"),
        flip=False,
        mean=(0.2,),
        std=(0.2,),
        train=Images(pixels=pixels[:120], labels=wanted[:120]),
        val=Images(pixels=pixels[120:], labels=wanted[120:]),
        options=DataOptions(task=task),  # type: ignore[arg-type]
    )


def test_what_data_may_ask_for_is_what_can_be_learnt_and_answered() -> None:
    assert get_args(Task) == tuple(TASKS) == tuple(ANSWERS)
    assert all(name == task.name for name, task in TASKS.items())


def _network(task: str) -> nn.Module:
    if task == "segmentation":
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 1)
        )
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(128, 2),
    )


@pytest.mark.parametrize(
    ("task", "least"), [("multilabel", 0.95), ("segmentation", 0.7), ("regression", 0.7)]
)
def test_every_task_is_learnt(task: str, least: float) -> None:
    data = _data(task)
    recipe = Recipe(epochs=15, batch_size=16, augmentation=Augmentation(flip=False))

    trained = train_model(_network(task), data, recipe, seed=0)

    measured = trained.chosen.validation
    assert measured[task_of(data).score] > least
    assert 0 <= measured["accuracy"] <= 1


def test_a_perfect_and_a_constant_answer_of_masks() -> None:
    wanted = torch.tensor([[[0, 1], [1, 255]]], dtype=torch.uint8)
    perfect = functional.one_hot(wanted.clamp(max=1).long(), 2).permute(0, 3, 1, 2) * 20.0
    meter = TASKS["segmentation"].meter(2, CPU)
    meter.add(perfect, wanted)
    assert meter.result() == {
        "accuracy": 1.0,
        "mean_iou": 1.0,
        "loss": pytest.approx(0, abs=1e-6),
    }

    meter = TASKS["segmentation"].meter(2, CPU)
    meter.add(torch.tensor([0.0, 5.0])[None, :, None, None].expand(1, 2, 2, 2), wanted)
    # Class 1: 2 of 3 known pixels are right; class 0 has none.
    assert meter.result()["accuracy"] == pytest.approx(2 / 3)
    assert meter.result()["mean_iou"] == pytest.approx((2 / 3 + 0) / 2)


def test_outputs_of_half_the_size_are_compared_at_the_masks_size() -> None:
    wanted = torch.zeros(1, 4, 4, dtype=torch.uint8)
    outputs = torch.tensor([5.0, 0.0])[None, :, None, None].expand(1, 2, 2, 2)

    loss = segmentation_loss(outputs, wanted, smoothing=0.0, class_weights=None)

    assert loss == pytest.approx(float(torch.tensor(1 + np.exp(-5.0)).log()), rel=1e-4)


def test_multilabel_meter_by_hand() -> None:
    meter = TASKS["multilabel"].meter(2, CPU)
    meter.add(torch.tensor([[3.0, -3], [3, 3]]), torch.tensor([[1, 0], [0, 1]], dtype=torch.uint8))

    result = meter.result()

    assert result["accuracy"] == 0.75
    # Class a: ranks tie, precision 1/2 at full recall; class b: perfect.
    assert result["average_precision"] == pytest.approx((0.5 + 1) / 2)
    assert result["f1"] == pytest.approx((2 / 3 + 1) / 2)


def test_regression_meter_by_hand() -> None:
    meter = TASKS["regression"].meter(1, CPU)
    wanted = torch.tensor([[0.0], [1], [2], [3]])
    meter.add(wanted[:2] + 1, wanted[:2])
    meter.add(wanted[2:], wanted[2:])

    result = meter.result()

    assert result["loss"] == pytest.approx(0.5)
    assert result["mean_absolute_error"] == pytest.approx(0.5)
    assert result["accuracy"] == pytest.approx(1 - 2 / 5)


def test_masks_move_with_their_images_and_what_comes_in_is_unknown() -> None:
    pixels = torch.arange(1, 65, dtype=torch.uint8).view(1, 1, 8, 8).expand(6, 1, 8, 8)
    masks = (pixels[:, 0] % 5).to(torch.uint8)
    augment = Augmenter(
        Augmentation(crop=0.25), torch.Generator().manual_seed(0), (0.0,), flip=True
    )

    moved, classes = augment_with_masks(augment, pixels, masks)

    assert not moved.equal(pixels)
    outside = moved[:, 0] == 0
    assert (classes[outside] == 255).all()
    assert (classes[~outside] == moved[:, 0][~outside] % 5).all()


@pytest.mark.parametrize(
    ("task", "augmentation"),
    [("multilabel", Augmentation(mixup=0.2)), ("segmentation", Augmentation(erasing=0.5))],
)
def test_what_a_task_cannot_bear_is_refused(task: str, augmentation: Augmentation) -> None:
    recipe = Recipe(epochs=1, augmentation=augmentation)

    with pytest.raises(RecipeError, match=r"leave (it|them) out with `overrides`"):
        train_model(_network(task), _data(task), recipe, seed=0)


def test_short_scores_are_of_the_same_task() -> None:
    data = _data("multilabel")
    model = _network("multilabel")

    accuracy, loss = evaluate_model(model, data.val, data)

    assert {"accuracy": accuracy, "loss": loss}.items() <= measure_model(
        model, data.val, data
    ).items()


def test_rare_classes_of_pixels_weigh_more_and_others_cannot_be_weighed() -> None:
    masks = torch.tensor([[[0, 0, 0], [1, 255, 255]]], dtype=torch.uint8)
    assert balanced_weights(masks, 2).tolist() == [pytest.approx(4 / 6), pytest.approx(2.0)]
    weighed = Recipe(epochs=1, regularization=Regularization(class_weights="balanced"))

    train_model(_network("segmentation"), _data("segmentation"), weighed, seed=0)

    for task in ("multilabel", "regression"):
        with pytest.raises(OptionError, match=rf"`class_weights` balanced: .*this is {task}"):
            train_model(_network(task), _data(task), weighed, seed=0)
