from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import onnxruntime
import pytest
import torch

from nas.errors import OptionError
from nas.model import build_model
from nas.proxy import train_proxy
from nas.quantize import WAYS, Int8Network, open_session, quantize_int8, run_onnx, seen_images
from nas.sharing import materialize
from nas.space import parse_space
from nas.train import seeded
from nas.trial import Fidelity
from tests.small_data import brightness_steps

if TYPE_CHECKING:
    from nas.data import ImageData

    Quantized = tuple[Int8Network, torch.nn.Module]

FIDELITY = Fidelity(epochs=6, batch_size=8)
NETWORK = """
stem: {conv: {channels: 64, stride: 2}}
stages:
  - {channels: 64, depth: 2, stride: 1, block: conv}
  - {channels: 64, depth: 1, stride: 2, transition: separable, block: {lru: {reuse: 3}}}
head: gap_linear
"""
RING = "sharing: {scope: network, ratio: 0.5}\n"


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    return brightness_steps(tmp_path_factory.mktemp("data"))


def quantized(data: ImageData, text: str) -> Quantized:
    arch = parse_space(text, source="f.yaml", name="f").decode(())
    with seeded(0):
        model = build_model(arch, in_channels=1, num_classes=3)
    train_proxy(model, data, FIDELITY, seed=0)
    materialize(model)
    return quantize_int8(model, data, FIDELITY), model.eval()


@pytest.fixture(scope="module")
def easy(steps: ImageData) -> Quantized:
    return quantized(steps, NETWORK)


@pytest.mark.parametrize("ring", [False, True])
def test_an_easy_network_keeps_its_accuracy_in_half_the_bytes(
    steps: ImageData, easy: Quantized, ring: bool
) -> None:
    made, _ = quantized(steps, NETWORK + RING) if ring else easy

    assert made.fp32_accuracy > 0.9
    assert made.int8_accuracy > made.fp32_accuracy - 0.05
    assert len(made.onnx) == made.int8_bytes < made.fp32_bytes / 2


def test_the_quantised_file_runs_and_is_not_the_plain_one(easy: Quantized) -> None:
    made, model = easy
    session = onnxruntime.InferenceSession(made.onnx, providers=["CPUExecutionProvider"])
    image = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    logits = torch.from_numpy(session.run(None, {"images": image.numpy()})[0])
    with torch.inference_mode():
        exact = model(image)

    assert not torch.equal(logits, exact)
    torch.testing.assert_close(logits, exact, rtol=0.2, atol=0.5)


def test_the_fp32_accuracy_is_that_of_the_search(steps: ImageData, easy: Quantized) -> None:
    made, model = easy
    images = (steps.val.pixels.float() / 255 - torch.tensor(steps.mean)) / torch.tensor(steps.std)
    with torch.inference_mode():
        right = (model(images).argmax(1) == steps.val.labels).float().mean().item()

    assert made.fp32_accuracy == pytest.approx(right)


@pytest.mark.parametrize(
    ("own", "asked", "side"), [(None, None, 8), (4, None, 4), (4, 6, 4), (4, 3, 3)]
)
def test_images_are_seen_at_the_network_s_size(
    steps: ImageData, own: int | None, asked: int | None, side: int
) -> None:
    """No larger than its own, and no larger than those of the search."""
    model = torch.nn.Identity()
    model.resolution = own  # type: ignore[assignment]
    seen = seen_images(model, steps, replace(FIDELITY, resolution=asked, val_images=5))
    assert seen.calibration.shape[1:] == seen.validation.shape[1:] == (1, side, side)
    assert len(seen.validation) == len(seen.labels) == 5


def test_missing_packages_are_named(steps: ImageData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.quantize._int8.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"onnx and onnxruntime not installed.*pip install"):
        quantize_int8(torch.nn.Identity(), steps, FIDELITY)


def test_any_number_of_images_at_once(easy: Quantized) -> None:
    made, _ = easy
    session = open_session(made.onnx)
    images = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    together = run_onnx(session, images)
    apart = torch.cat([run_onnx(session, image) for image in torch.split(images, 1)])
    assert together.shape == (5, 3)
    torch.testing.assert_close(together, apart)


def test_a_small_network_is_smaller_in_int8_too(steps: ImageData) -> None:
    """16.0 kB became 37.2 kB, before names, notes and repeated constants were taken out."""
    small = NETWORK.replace("64", "8")
    made, _ = quantized(steps, small)
    assert made.int8_bytes < made.fp32_bytes < 13_000
    assert not made._on_size()


def test_what_is_lost_or_larger_is_said() -> None:
    bad = Int8Network(
        fp32_accuracy=0.9,
        int8_accuracy=0.85,
        fp32_bytes=1_000,
        int8_bytes=2_000,
        onnx=b"",
        tried=(("minmax", 0.8), ("percentile", 0.85)),
    )
    lost, larger = bad.remarks
    assert "loses 5.0 points" in lost
    assert "minmax 80.00 %, percentile 85.00 %" in lost
    assert "take the fp32 file" in lost
    assert "larger (2,000 bytes, fp32 1,000)" in larger
    assert replace(bad, int8_accuracy=0.895, int8_bytes=900).remarks == ()


def test_other_ways_are_tried_until_one_loses_little(
    steps: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing tolerated every way is tried, and the best one kept."""
    monkeypatch.setattr("nas.quantize._int8.TOLERATED_LOSS", -1.0)
    made, _ = quantized(steps, NETWORK)
    assert [way for way, _ in made.tried] == [way for way in WAYS if way != "aware"]
    assert made.int8_accuracy == max(accuracy for _, accuracy in made.tried)
