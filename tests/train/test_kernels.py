from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest
import torch

from nas.data import load_data
from nas.errors import OptionError
from nas.model import build_model
from nas.space import load_architecture
from nas.train import Optimizer, Recipe, TrainingSetup
from nas.train import _kernels as module
from nas.train._kernels import choose_kernels
from tests.small_data import tiny_cnn

if TYPE_CHECKING:
    from pathlib import Path

    from nas.train._kernels import Kernels


@pytest.fixture
def setup(npz: Path) -> TrainingSetup:
    data = load_data(str(npz))
    return TrainingSetup(
        train=data.train, data=data, recipe=Recipe(steps=100, batch_size=16), seed=0
    )


def timed(monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float]) -> list[str]:
    """Steps take what `seconds` says; which were tried."""
    tried: list[str] = []

    def step_s(self: object, kernels: Kernels, *, rounds: int = 5) -> float:
        tried.append(kernels)
        return seconds[kernels]

    monkeypatch.setattr(module._Trial, "step_s", step_s)
    return tried


def test_a_short_training_tries_nothing_else(setup: TrainingSetup) -> None:
    model = tiny_cnn()
    before = [p.clone() for p in model.parameters()]

    choice = choose_kernels(model, setup)

    assert choice.kernels == "quick"
    assert "too short" in choice.reason
    pairs = zip(before, model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_what_is_asked_for_is_taken(setup: TrainingSetup) -> None:
    assert choose_kernels(tiny_cnn(), setup, "eager").kernels == "eager"


def test_the_quickest_is_kept_and_its_time_is_told(setup: TrainingSetup) -> None:
    choice = choose_kernels(tiny_cnn(), setup, try_from_s=0.0)

    assert choice.kernels in ("eager", "quick")
    assert "eager" in choice.reason
    assert "quick" in choice.reason
    assert "ms" in choice.reason


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({"eager": 10.0, "quick": 8.0, "compiled quick": 5.0}, "compiled quick"),
        ({"eager": 8.0, "quick": 10.0, "compiled eager": 7.9}, "eager"),
        ({"eager": 10.0, "quick": 8.0, "compiled quick": float("inf")}, "quick"),
    ],
)
def test_long_trainings_compile_the_quicker_where_that_pays(
    setup: TrainingSetup, monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], chosen: str
) -> None:
    timed(monkeypatch, seconds)

    assert choose_kernels(tiny_cnn(), setup).kernels == chosen


def test_middling_trainings_do_not_compile(
    setup: TrainingSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = timed(monkeypatch, {"eager": 1.0, "quick": 2.0})

    assert choose_kernels(tiny_cnn(), setup).kernels == "eager"
    assert not any(name.startswith("compiled") for name in tried)


def test_what_cannot_be_compiled_is_no_error(
    setup: TrainingSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(model: torch.nn.Module) -> object:
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(module, "_compiled", refuse)

    choice = choose_kernels(tiny_cnn(), setup, try_from_s=0.0, compile_from_s=0.0)

    assert choice.kernels in ("eager", "quick")
    assert "failed (RuntimeError: no compiler here)" in choice.reason
    with pytest.raises(OptionError, match=r"`kernels` compiled: .*no compiler here.* apt install"):
        choose_kernels(tiny_cnn(), setup, "compiled")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("default")
def test_a_network_is_compiled_and_learns_what_an_eager_one_learns(setup: TrainingSetup) -> None:
    from nas.train import Training, seeded

    arch = load_architecture("vgnetg_1.0mp_cifar", ("width=0.0625",))
    losses = {}
    for kernels in ("eager", "compiled eager"):
        choice = module.KernelChoice(kernels=kernels, reason="")
        with seeded(1):
            network = build_model(arch, in_channels=1, num_classes=4)
            # A small rate: a large one makes much of how the two round.
            recipe = Recipe(epochs=2, batch_size=16, optimizer=Optimizer(rate=1e-4))
            changed = dataclasses.replace(setup, recipe=recipe)
            training = Training(network, changed, forward=choice.forward(network))
            losses[kernels] = [training.run_epoch() for _ in range(2)]

    assert losses["compiled eager"] == pytest.approx(losses["eager"], rel=1e-3)
    choice = choose_kernels(network, setup, try_from_s=0.0, compile_from_s=0.0)
    assert choose_kernels(network, setup, "compiled").kernels == "compiled quick"
    assert re.search(r"compiled (eager|quick) [\d.]+ ms", choice.reason)
