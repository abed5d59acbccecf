from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from nas.data import load_data
from nas.errors import Diverged, RecipeError, RunFolderError
from nas.train import (
    Augmentation,
    Checkpoint,
    EpochRecord,
    Optimizer,
    RandAugment,
    Recipe,
    Regularization,
    data_digest,
    evaluate_model,
    seeded,
    train_model,
)
from nas.train._augment import Normalizer
from nas.train._average import estimate_norms
from nas.train._full import set_dropout
from tests.small_data import tiny_cnn

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data import ImageData

RECIPE = Recipe(
    epochs=4,
    batch_size=32,
    optimizer=Optimizer(rate=0.02),
    augmentation=Augmentation(flip=False, crop=0.1, cutmix=0.5, mix_share=0.3),
    regularization=Regularization(ema=0.9, dropout=0.2),
)


@pytest.fixture
def data(npz: Path) -> ImageData:
    return load_data(str(npz))


def train(data: ImageData, recipe: Recipe = RECIPE, **given: Any) -> tuple[nn.Module, Any]:
    with seeded(1):
        model = tiny_cnn()
    return model, train_model(model, data, recipe, seed=1, kernels="quick", **given)


def bits(model: nn.Module) -> list[bytes]:
    return [value.numpy().tobytes() for value in model.state_dict().values()]


@pytest.mark.parametrize("name", ["sgd", "adamw"])
@pytest.mark.parametrize("select", ["last", "best"])
def test_a_training_put_away_after_any_epoch_goes_on_to_the_same_bits(
    data: ImageData, tmp_path: Path, name: Any, select: Any
) -> None:
    optimizer = Optimizer(name=name, rate=0.02, nesterov=name == "sgd")
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer, select=select)
    straight, whole = train(data, recipe)
    checkpoint = Checkpoint(path=tmp_path / "c.pt", identity={"seed": "1"})

    def stop(record: EpochRecord) -> None:
        raise KeyboardInterrupt

    for _ in range(recipe.epochs or 0):
        with pytest.raises(KeyboardInterrupt):
            train(data, recipe, checkpoint=checkpoint, on_epoch=stop)
    model, resumed = train(data, recipe, checkpoint=checkpoint)

    assert bits(model) == bits(straight)
    assert resumed.chosen.epoch == whole.chosen.epoch
    assert [one.train_loss for one in resumed.history] == [one.train_loss for one in whole.history]


def test_the_model_ends_with_the_weights_that_were_scored(data: ImageData) -> None:
    model, trained = train(data)

    accuracy, loss = evaluate_model(model, data.val, data)

    assert accuracy == trained.chosen.validation["accuracy"]
    assert loss == pytest.approx(trained.chosen.validation["loss"], rel=1e-5)
    assert trained.history[-1].left_s == 0


def test_an_average_of_weights_is_scored_and_kept_with_norms_that_fit_it(data: ImageData) -> None:
    model, _ = train(data)
    again = copy.deepcopy(model)
    estimate_norms(again, data.train, Normalizer(data.mean, data.std, torch.device("cpu")))

    assert bits(again) == bits(model)


def test_the_time_left_goes_by_the_mean_epoch() -> None:
    record = EpochRecord(
        epoch=2, num_epochs=5, rate=0.1, train_loss=1.0, validation={}, elapsed_s=10.0
    )
    assert record.left_s == 15.0


def test_another_seed_or_recipe_does_not_go_on_from_a_checkpoint(
    data: ImageData, tmp_path: Path
) -> None:
    path = tmp_path / "c.pt"
    train(data, checkpoint=Checkpoint(path=path, identity={"seed": "1"}))

    with pytest.raises(RunFolderError, match=r"another seed than .* \(1 then, 2 now\)"):
        train(data, checkpoint=Checkpoint(path=path, identity={"seed": "2"}))


def test_a_checkpoint_that_cannot_be_written_says_so_and_leaves_no_part(
    data: ImageData, tmp_path: Path
) -> None:
    (tmp_path / "c.pt").mkdir()

    with pytest.raises(RunFolderError, match="cannot be written"):
        Checkpoint(path=tmp_path / "c.pt", identity={}).save({"epoch": 1})
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_any_pixel_or_label_changes_the_digest(data: ImageData) -> None:
    before = data_digest(data)
    data.val.pixels[3, 0, 2, 2] ^= 1
    between = data_digest(data)
    data.val.pixels[3, 0, 2, 2] ^= 1
    data.train.labels[0] = (data.train.labels[0] + 1) % 4

    assert len({before, between, data_digest(data)}) == 3


def test_a_loss_that_is_no_number_is_reported_with_the_epoch(data: ImageData) -> None:
    wild = dataclasses.replace(RECIPE, optimizer=Optimizer(rate=1e30))

    with pytest.raises(Diverged, match=r"in epoch 1 of 4|after epoch 1 of 4"):
        train(data, wild)


def test_dropout_is_set_where_it_is_or_before_the_last_layer() -> None:
    there, absent = tiny_cnn(), nn.Sequential(nn.Flatten(), nn.Linear(64, 3))

    for model in (there, absent):
        set_dropout(model, 0.5)

    assert there[5].p == 0.5
    inputs = torch.ones(4, 64)
    assert not torch.equal(absent.train()(inputs), absent(inputs))
    assert torch.equal(absent.eval()(inputs), absent(inputs))


def test_operations_for_eight_bits_are_refused_for_other_numbers(data: ImageData) -> None:
    real = dataclasses.replace(
        data, train=dataclasses.replace(data.train, pixels=data.train.pixels.float())
    )
    recipe = dataclasses.replace(RECIPE, augmentation=Augmentation(rand_augment=RandAugment()))

    with pytest.raises(RecipeError, match="rand_augment needs images of 8 bits"):
        train(real, recipe)
