"""Every family and ring scope as ONNX: the same logits for any batch, weights written once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from nas.model import build_model, joined
from nas.quantize import network_onnx, open_session, run_onnx
from nas.quantize._graph import _Names
from nas.sharing import materialize
from nas.space import load_architecture, parse_space
from nas.train import seeded

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

SHAPE = (3, 32, 32)


def slow(name: str, *overrides: str) -> ParameterSet:
    """Of a family that another network here stands for."""
    return pytest.param(name, overrides, marks=pytest.mark.slow)


NETWORKS = [
    ("lrunet_2_1x", ()),
    ("vgnetg_1.0mp_se", ()),
    slow("vgnetf_1.5mp"),
    ("mgic_resnet20", ()),
    slow("mgic_mobilenetv3_small_cifar"),
    ("mobilenet_v1_cifar_0.25", ("stages.2.block.separable.reuse=3",)),
    slow("mobilenet_v3_small"),
    slow("resnet18_rpg_cifar", "sharing.scope=network"),
    slow("resnet18_rpg_cifar", "sharing.scope=layer"),
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


def test_heads_may_have_the_short_names_that_others_get() -> None:
    onnx = pytest.importorskip("onnx")
    names = ("a", "b", "norm_0_1", "f")
    heads = ", ".join(f"{{name: {name}, outputs: 2, head: gap_linear}}" for name in names)
    text = (
        "stem: {conv: {channels: 4}}\n"
        "stages: [{channels: 4, depth: 3, block: {lru: {reuse: 3, groups: 2}}}]\n"
        f"head: {{multi: {{heads: [{heads}]}}}}\n"
    )
    arch = parse_space(text, source="f.yaml", name="f").decode(())
    with seeded(0):
        model = build_model(arch, in_channels=3, num_classes=10).eval()
    content = network_onnx(model, (3, 8, 8))

    onnx.checker.check_model(onnx.load_from_string(content))
    session, images = open_session(content), torch.randn(2, 3, 8, 8)
    assert [one.name for one in session.get_outputs()] == [*names]
    with torch.inference_mode():
        torch.testing.assert_close(run_onnx(session, images), joined(model(images)))


def test_short_names_are_given_once_whatever_is_kept() -> None:
    kept = {"images", "a", "b", "10"}
    names = _Names(kept)
    given = [names.short(f"layer {number}") for number in range(40)]
    assert len({*given, *kept}) == 44
    assert names.short("layer 3") == "3"
    assert names.short("a") == "a"
    assert names.short("") == ""


def test_a_reused_layer_stands_in_the_file_once() -> None:
    """Ten applications with a norm each: folded into ten kernels it was 4 times as large."""
    model = trained("lrunet_10_1x")
    params = sum(parameter.numel() for parameter in model.parameters())
    assert len(network_onnx(model, SHAPE)) < 1.2 * 4 * params
