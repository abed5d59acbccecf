"""Weights as bytes: tied tensors once, bit-equal after the way back, and no silent misfit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import safetensors.torch
import torch
from torch import nn

from nas.arch import Architecture, Sharing, Stage
from nas.families.lru.options import Lru
from nas.families.plain.options import Conv, ConvStem, GapLinear
from nas.families.residual.options import Residual
from nas.model import build_model, load_weights, save_weights

if TYPE_CHECKING:
    from pathlib import Path


def built(block: Any, *, seed: int = 0, **sharing: Any) -> nn.Module:
    arch = Architecture(
        name="small",
        stem=ConvStem(channels=8),
        stages=(Stage(channels=8, depth=2, block=block),),
        head=GapLinear(),
        sharing=Sharing(**sharing),
    )
    torch.manual_seed(seed)
    return build_model(arch, in_channels=3, num_classes=5)


CASES: list[tuple[Any, dict[str, Any]]] = [
    (Residual(), {}),
    (Residual(reuse=3), {}),
    (Lru(reuse=3), {}),
    (Conv(), {"scope": "network", "ratio": 0.3}),
    (Conv(reuse=2), {"scope": "stage", "ratio": 0.5, "repeat": "identical"}),
]
each_case = pytest.mark.parametrize(("block", "sharing"), CASES)


@each_case
def test_another_network_computes_the_same_after_loading(
    block: Any, sharing: dict[str, Any]
) -> None:
    model, other = built(block, **sharing), built(block, seed=1, **sharing)
    images = torch.randn(4, 3, 9, 9)
    model.train()(images)  # so that statistics are not the initial ones
    load_weights(other, save_weights(model))
    assert torch.equal(model.eval()(images), other.eval()(images))
    for name, tensor in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name


@each_case
def test_ties_survive_loading(block: Any, sharing: dict[str, Any]) -> None:
    model, other = built(block, **sharing), built(block, seed=1, **sharing)
    load_weights(other, save_weights(model))
    assert len(list(other.parameters())) == len(list(model.parameters()))


def test_a_shared_tensor_is_stored_under_its_first_name() -> None:
    saved = safetensors.torch.load(save_weights(built(Residual(reuse=3))))
    assert "body.0.0.conv1.weight" in saved
    assert "body.0.1.conv1.weight" not in saved
    assert {"body.0.1.norm1.weight", "body.0.2.norm1.weight"} <= saved.keys()


def test_a_ring_is_stored_and_its_kernels_are_not() -> None:
    saved = safetensors.torch.load(save_weights(built(Conv(), scope="network", ratio=0.3)))
    assert saved["rings.0.values"].shape == (round(0.3 * 2 * 576),)
    assert not [name for name in saved if name.startswith("body") and "conv" in name]


def test_reads_what_safetensors_itself_writes(tmp_path: Path) -> None:
    model, other = built(Residual(reuse=12)), built(Residual(reuse=12), seed=1)
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_model(model, str(path))
    load_weights(other, path.read_bytes())
    assert torch.equal(other.body[0][0].conv1.weight, model.body[0][0].conv1.weight)


@pytest.mark.parametrize("block", [Residual(), Residual(reuse=3), Lru(reuse=2), Conv()])
def test_weights_of_another_network_are_refused(block: Any) -> None:
    with pytest.raises(RuntimeError):
        load_weights(built(Residual(reuse=2)), save_weights(built(block)))


def test_the_memory_format_makes_no_difference() -> None:
    model = built(Conv()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    again = built(Conv(), seed=1)
    load_weights(again, save_weights(model))
    assert torch.equal(again.stem.conv.weight, model.stem.conv.weight)


def test_saving_twice_gives_the_same_bytes() -> None:
    model = built(Residual(reuse=2))
    assert save_weights(model) == save_weights(model)
