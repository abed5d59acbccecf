from __future__ import annotations

import pytest
import torch
from torch import nn

from nas.train import _precision as module
from nas.train._precision import scoring_precision, training_precision

CPU = torch.device("cpu")
DENSE = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 1, groups=2))
DEPTHWISE = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3, groups=8))
POINTWISE = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 1))


def dtype_of(context: torch.autocast, model: nn.Module) -> torch.dtype:
    with context:
        return model(torch.zeros(1, 1, 9, 9)).dtype


@pytest.fixture
def with_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_cpu_computes_bfloat16", lambda: True)


@pytest.mark.usefixtures("with_instructions")
def test_dense_networks_train_in_bfloat16() -> None:
    assert dtype_of(training_precision(DENSE, CPU), DENSE) == torch.bfloat16


@pytest.mark.usefixtures("with_instructions")
@pytest.mark.parametrize("model", [DEPTHWISE, POINTWISE])
def test_networks_that_would_be_slower_train_in_float32(model: nn.Module) -> None:
    assert dtype_of(training_precision(model, CPU), model) == torch.float32


def test_a_cpu_without_instructions_trains_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_cpu_computes_bfloat16", lambda: False)
    assert dtype_of(training_precision(DENSE, CPU), DENSE) == torch.float32


@pytest.mark.parametrize(
    ("capabilities", "found"),
    [
        ({"avx512_bf16": True}, True),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"amx_bf16": True}, True),
        ({}, False),
    ],
)
def test_instructions_are_what_torch_says(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], found: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert module._cpu_computes_bfloat16.__wrapped__() is found


def test_an_older_torch_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert module._cpu_computes_bfloat16.__wrapped__() is False


@pytest.mark.usefixtures("with_instructions")
def test_scores_on_the_cpu_are_those_of_the_float32_network() -> None:
    assert dtype_of(scoring_precision(CPU), DENSE) == torch.float32
