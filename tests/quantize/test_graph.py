"""Every family and ring scope as ONNX: the same logits for any batch, weights written once."""

from __future__ import annotations

import pytest
import torch

from nas.model import build_model
from nas.quantize import network_onnx, open_session, run_onnx
from nas.sharing import materialize
from nas.space import load_architecture
from nas.train import seeded

SHAPE = (3, 32, 32)
NETWORKS = [
    ("lrunet_2_1x", ()),
    ("vgnetg_1.0mp_se", ()),
    ("vgnetf_1.5mp", ()),
    ("mgic_resnet20", ()),
    ("mgic_mobilenetv3_small_cifar", ()),
    ("mobilenet_v1_cifar_0.25", ("stages.2.block.separable.reuse=3",)),
    ("mobilenet_v3_small", ()),
    *(("resnet18_rpg_cifar", (f"sharing.scope={scope}",)) for scope in ("network", "layer")),
]


def trained(name: str, overrides: tuple[str, ...] = ()) -> torch.nn.Module:
    """A network whose norms have seen data, its rings read out."""
    with seeded(0):
        model = build_model(load_architecture(name, overrides), in_channels=3, num_classes=10)
        model.train()
        with torch.no_grad():
            model(torch.randn(4, *SHAPE))
    materialize(model)
    return model.eval()


@pytest.mark.parametrize(("name", "overrides"), NETWORKS)
def test_logits_are_those_of_torch_for_any_batch(name: str, overrides: tuple[str, ...]) -> None:
    model = trained(name, overrides)
    session = open_session(network_onnx(model, SHAPE))
    for count in (1, 3):
        images = torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(count))
        with torch.inference_mode():
            exact = model(images)
        made = run_onnx(session, images)
        scale = float(exact.abs().max())
        torch.testing.assert_close(made, exact, rtol=1e-4, atol=1e-5 * max(scale, 1))


def test_a_reused_layer_stands_in_the_file_once() -> None:
    """Ten applications with a norm each: folded into ten kernels it was 4 times as large."""
    model = trained("lrunet_10_1x")
    params = sum(parameter.numel() for parameter in model.parameters())
    assert len(network_onnx(model, SHAPE)) < 1.2 * 4 * params
