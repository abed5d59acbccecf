"""Every block family and ring scope in every form: the whole folder, compared with PyTorch.

Slow: `torch.export` takes seconds a network, the converter to .tflite a minute.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from nas.data import load_data
from nas.export import Deployment, Evidence, Inputs, emit_module, export_network
from nas.export._deploy import first_class
from nas.export._tflite import convert_tflite
from nas.model import build_model, save_weights
from nas.sharing import materialize
from nas.space import load_architecture
from nas.train import seeded
from nas.trial import Fidelity
from tests.export.networks import PROVENANCE, has_converter

if TYPE_CHECKING:
    from pathlib import Path

    from nas.arch import Architecture
    from nas.data import ImageData
    from nas.model import Network

pytestmark = pytest.mark.slow

NETWORKS = [
    ("lrunet_4_1x", ()),
    ("vgnetg_1.0mp_se", ()),
    ("vgnetf_1.5mp", ()),
    ("vgnete_1.5mp", ()),
    ("mgic_resnet20", ()),
    ("mgic_mobilenetv3_small_cifar", ()),
    ("mobilenet_v1_cifar_0.25", ("stages.2.block.separable.reuse=3",)),
    ("mobilenet_v3_small", ()),
    ("resnet18_cifar", ()),
    *(
        ("resnet18_rpg_cifar", (f"sharing.scope={scope}",))
        for scope in ("network", "stage", "block", "subnet", "layer")
    ),
]


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    """Noise in three channels, ten classes."""
    pixels = np.random.default_rng(0).integers(0, 256, (400, 32, 32, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp("data") / "colours.npz"
    np.savez(path, images=pixels, labels=np.arange(400) % 10)
    return load_data(str(path))


@pytest.fixture(autouse=True)
def few_images_for_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise has the same range in 8 images as in 256."""
    monkeypatch.setattr("nas.quantize._int8.CALIBRATION_IMAGES", 8)


def warmed_up(arch: Architecture) -> Network:
    """An untrained network whose BatchNorms have seen images."""
    with seeded(0):
        model = build_model(arch, in_channels=3, num_classes=10).train()
        with torch.no_grad():
            model(varied_images(32))
    return model.eval()


def varied_images(count: int) -> torch.Tensor:
    """(B, 3, 32, 32) of blurred noise that differ in brightness, colour and contrast."""
    coarse = torch.randn(count, 3, 4, 4) * torch.linspace(0.3, 2, count)[:, None, None, None]
    tint = torch.randn(count, 3, 1, 1)
    return tint + nn.functional.interpolate(coarse, size=32, mode="bilinear")


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(("name", "overrides"), NETWORKS)
def test_every_form_of_every_family(
    name: str, overrides: tuple[str, ...], colours: ImageData, tmp_path: Path
) -> None:
    arch = load_architecture(name, overrides)
    model = warmed_up(arch)
    evidence = Evidence(
        dataset="noise",
        accuracy=0.1,
        split="validation",
        images=60,
        training="proxy",
        trained="nothing",
    )
    files = export_network(
        tmp_path,
        arch,
        input_shape=(3, 32, 32),
        num_classes=10,
        weights=save_weights(model),
        provenance=replace(PROVENANCE),
        deployment=Deployment(
            inputs=Inputs.of(colours),
            evidence=evidence,
            data=colours,
            fidelity=Fidelity(epochs=1, val_images=40),
        ),
    )
    assert files.onnx and files.int8 and files.program and files.card
    assert files.int8.stat().st_size < files.onnx.stat().st_size


@pytest.mark.timeout(3_600)
@pytest.mark.skipif(not has_converter(), reason="no converter: nas/export/tflite_setup.txt")
@pytest.mark.parametrize(("name", "overrides"), NETWORKS)
def test_every_family_runs_on_a_microcontrollers_interpreter(
    name: str, overrides: tuple[str, ...]
) -> None:
    """The classes that PyTorch finds, from int8 and for most images."""
    arch = load_architecture(name, overrides)
    model = warmed_up(arch)
    materialize(model)
    plain = arch.without_rings() if arch.is_shared else arch
    source = emit_module(plain, input_shape=(3, 32, 32), num_classes=10, provenance=PROVENANCE)
    images = varied_images(12)
    with torch.inference_mode():
        classes = model(images).argmax(1)
    made = convert_tflite(
        source,
        first_class(source),
        model,
        save_weights(model),
        calibration=varied_images(32),
        validation=(images, classes),
    )
    assert made.fp32_accuracy == 1
    assert made.accuracy >= 0.75
    params = sum(parameter.numel() for parameter in model.parameters())
    assert len(made.content) < 4 * params
