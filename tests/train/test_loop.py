from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from nas.data import load_data
from nas.errors import Diverged
from nas.train import _loop as module
from nas.train import seeded, train_proxy
from nas.train._loop import learning_rates
from nas.trial import Fidelity
from tests.small_data import tiny_cnn

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data import ImageData
    from nas.trial import Scores

SHORT = Fidelity(epochs=2, batch_size=16)


@pytest.fixture
def data(npz: Path) -> ImageData:
    return load_data(str(npz))


def _train(data: ImageData, *, seed: int = 1, fidelity: Fidelity = SHORT) -> tuple[Scores, bytes]:
    with seeded(seed):
        model = tiny_cnn()
    scores = train_proxy(model, data, fidelity, seed=seed)
    state = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
    return dataclasses.replace(scores, train_s=0.0), state


def test_learns_blobs_far_beyond_chance(data: ImageData) -> None:
    scores, _ = _train(data, fidelity=Fidelity(epochs=4, batch_size=16))

    assert scores.accuracy > 0.9
    assert scores.loss < 1.0


def test_same_seed_gives_the_same_bits_whatever_the_global_generator(data: ImageData) -> None:
    torch.manual_seed(1)
    first = _train(data)
    torch.manual_seed(2)
    second = _train(data)

    assert first == second
    assert _train(data, seed=2)[1] != first[1]


def test_global_generator_is_left_as_it_was(data: ImageData) -> None:
    model = tiny_cnn()
    before = torch.get_rng_state()

    train_proxy(model, data, SHORT, seed=0)

    assert torch.equal(torch.get_rng_state(), before)


def test_augmented_runs_repeat_too(data: ImageData, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = _train(data)
    monkeypatch.setattr(module, "AUGMENT_FROM_EPOCHS", 1)

    assert _train(data) == _train(data)
    assert _train(data)[1] != plain[1]


def test_fidelity_decides_how_many_images_and_of_which_size(data: ImageData) -> None:
    seen: list[torch.Size] = []
    model = tiny_cnn()
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))

    fidelity = Fidelity(epochs=2, train_images=40, val_images=9, resolution=8, batch_size=16)
    train_proxy(model, data, fidelity, seed=0)

    assert seen == [torch.Size((16, 1, 8, 8))] * 4 + [torch.Size((9, 1, 8, 8))]


def test_fewer_images_than_a_batch_are_one_batch(data: ImageData) -> None:
    seen: list[int] = []
    model = tiny_cnn()
    model.register_forward_pre_hook(
        lambda module, inputs: seen.append(len(inputs[0])) if module.training else None
    )
    fidelity = Fidelity(epochs=3, train_images=8, val_images=8, batch_size=64)

    train_proxy(model, data, fidelity, seed=0)

    assert seen == [8, 8, 8]


def test_frozen_weights_stay_and_all_others_move(data: ImageData) -> None:
    model = tiny_cnn()
    model[0].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}

    train_proxy(model, data, SHORT, seed=0)

    moved = {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])}
    assert "0.weight" not in moved
    assert {name for name, _ in model.named_parameters()} - moved == {"0.weight"}


def test_exploding_training_is_reported_with_epoch_and_rate(
    data: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEARNING_RATE", 1e30)

    with pytest.raises(Diverged, match=r"training loss is nan in epoch \d of 2, learning rate"):
        train_proxy(tiny_cnn(), data, SHORT, seed=0)


def test_a_network_that_only_fails_on_validation_is_reported(data: ImageData) -> None:
    class NaNInEval(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if self.training else x * float("nan")

    with pytest.raises(Diverged, match="validation loss is nan after 2 epochs"):
        train_proxy(nn.Sequential(tiny_cnn(), NaNInEval()), data, SHORT, seed=0)


def test_schedule_rises_for_a_fifth_and_ends_near_zero() -> None:
    rates = learning_rates(10, 1.0)

    assert rates == pytest.approx([0.5, 1.0] + [i / 9 for i in range(8, 0, -1)])


@pytest.mark.parametrize("steps", [1, 2, 3, 250])
def test_schedule_has_one_positive_rate_a_step(steps: int) -> None:
    rates = learning_rates(steps, 0.1)

    assert len(rates) == steps
    assert max(rates) == pytest.approx(0.1)
    assert min(rates) > 0
