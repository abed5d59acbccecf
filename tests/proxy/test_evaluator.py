from __future__ import annotations

import dataclasses
import pickle
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import safetensors.torch
import torch
from torch import nn

from nas.arch import Architecture, Stage
from nas.data import load_data
from nas.families.plain.options import Conv, ConvStem, GapLinear
from nas.model import load_weights
from nas.proxy import Evaluator, train_proxy
from nas.train import evaluate_model, proxy_seed, seeded
from nas.trial import Fidelity, Task
from tests.small_data import tiny_cnn

if TYPE_CHECKING:
    from pathlib import Path

    from nas.data import ImageData

FIDELITY = Fidelity(epochs=3, batch_size=16)


@pytest.fixture
def data(npz: Path) -> ImageData:
    return load_data(str(npz))


def _task(arch_id: str = "a" * 12, seed: int = 0) -> Task:
    arch: Any = SimpleNamespace(id=arch_id)
    return Task(number=5, arch=arch, fidelity=FIDELITY, seed=seed)


def _build(_: Any, *, in_channels: int, num_classes: int) -> nn.Module:
    return tiny_cnn(in_channels, num_classes)


def test_a_task_becomes_scores_and_weights(data: ImageData) -> None:
    result = Evaluator(data, "cpu", build=_build)(_task())

    assert result.ok
    assert result.number == 5
    assert result.scores is not None
    assert result.scores.accuracy > 0.8
    model = tiny_cnn()
    assert result.weights is not None
    model.load_state_dict(safetensors.torch.load(result.weights))


def test_result_depends_on_the_task_alone(data: ImageData) -> None:
    evaluator = Evaluator(data, build=_build)
    first = evaluator(_task("b" * 12))
    torch.manual_seed(123)
    evaluator(_task("c" * 12))
    again = Evaluator(pickle.loads(pickle.dumps(data)), build=_build)(_task("b" * 12))

    assert first.scores is not None
    assert again.scores is not None
    assert first.weights == again.weights
    assert first.scores == dataclasses.replace(again.scores, train_s=first.scores.train_s)
    assert evaluator(_task("b" * 12, seed=1)).weights != first.weights


def test_a_search_can_be_repeated_by_hand(data: ImageData) -> None:
    seed = proxy_seed("a" * 12, 0)
    with seeded(seed):
        model = tiny_cnn()
    by_hand = train_proxy(model, data, FIDELITY, seed=seed)

    result = Evaluator(data, build=_build)(_task())

    assert result.scores is not None
    assert (result.scores.accuracy, result.scores.loss) == (by_hand.accuracy, by_hand.loss)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("no such layer"), "ValueError"),
        (torch.OutOfMemoryError("CUDA out of memory"), "OutOfMemory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "OutOfMemory"),
        (MemoryError(), "OutOfMemory"),
    ],
)
def test_an_exception_becomes_a_failure(data: ImageData, error: Exception, kind: str) -> None:
    def broken(*_: object, **__: object) -> nn.Module:
        raise error

    result = Evaluator(data, build=broken)(_task())

    assert not result.ok
    assert result.failure is not None
    assert result.failure.kind == kind
    assert "in broken" in result.failure.detail


def test_nan_weights_become_a_failed_result(data: ImageData) -> None:
    def poisoned(*_: object, **__: object) -> nn.Module:
        model = tiny_cnn()
        nn.init.constant_(model[0].weight, float("nan"))
        return model

    result = Evaluator(data, build=poisoned)(_task())

    assert result.failure is not None
    assert result.failure.kind == "Diverged"
    assert "epoch 1 of 3" in result.failure.message


def test_ctrl_c_passes_through(data: ImageData) -> None:
    def interrupted(*_: object, **__: object) -> nn.Module:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Evaluator(data, build=interrupted)(_task())


def test_tied_weights_are_stored_and_fit_a_fresh_network(data: ImageData) -> None:
    def tied(*_: object, **__: object) -> nn.Module:
        layer = nn.Linear(16, 16)
        return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), layer, nn.ReLU(), layer)

    result = Evaluator(data, build=tied)(_task())

    assert result.weights is not None
    assert result.scores is not None
    fresh = tied()
    load_weights(fresh, result.weights)
    accuracy, _ = evaluate_model(fresh, data.val, data)
    assert accuracy == result.scores.accuracy


@pytest.mark.parametrize(
    ("num_on_machine", "machine_bytes", "said"),
    [
        (1, 3_000_000_000, "has 3.0 GB; search smaller ones (`limits` params), or train on"),
        (8, 24_000_000_000, "has 3.0 GB, as one of 8 on its machine; search smaller ones"),
    ],
)
def test_a_network_too_large_for_the_memory_is_not_even_built(
    data: ImageData,
    monkeypatch: pytest.MonkeyPatch,
    num_on_machine: int,
    machine_bytes: int,
    said: str,
) -> None:
    wide = Architecture(
        name="wide",
        stem=ConvStem(channels=16),
        stages=(Stage(channels=9_000, depth=2, stride=2, block=Conv()),),
        head=GapLinear(),
    )
    monkeypatch.setattr("nas.proxy._evaluator.memory_bytes", lambda device: machine_bytes)
    evaluate = Evaluator(data, num_on_machine=num_on_machine)
    result = evaluate(Task(number=0, arch=wide, fidelity=FIDELITY, seed=0))

    assert result.failure is not None
    assert result.failure.kind == "OutOfMemory"
    # Two dense convolutions: 9 * 9000 * (16 + 9000) weights at 16 bytes, and the rest.
    assert f"needs 11.7 GB at least, and this worker {said}" in result.failure.message


def test_a_network_for_the_images_trains_on_smaller_ones_too(data: ImageData) -> None:
    side = min(data.input_shape[1:])
    stages = tuple(Stage(channels=8, depth=1, stride=2, block=Conv()) for _ in range(4))
    deep = Architecture(name="deep", stem=ConvStem(channels=8), stages=stages, head=GapLinear())
    # Half the side is half a pixel in the end, where exact counts have no map any more.
    fidelity = dataclasses.replace(FIDELITY, resolution=side // 2)
    result = Evaluator(data)(Task(number=0, arch=deep, fidelity=fidelity, seed=0))

    assert result.failure is None
    assert result.ok
