"""`nas latency`: what it prints, and how it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from nas.latency import Rules
from tests.latency.made_up_clock import quiet
from tests.run.published import PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended

    Nas = Callable[..., Ended]

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SMALL_SPACE = """\
stem: {conv: {channels: {choice: [4, 8, 12]}}}
stages:
  - {channels: {choice: [8, 16]}, depth: {range: [1, 3]}, block: conv}
head: gap_linear
"""
SMALL = ("lrunet_1_1x", "--input", "3x16x16", "--classes", "7")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache of its own, and few rounds."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("HOME", str(tmp_path))
    rules = Rules(block_s=0.001, min_rounds=6, max_rounds=6)
    monkeypatch.setattr("nas.latency._measure.compare", _with(rules))


def _with(rules: Rules) -> Callable[..., Any]:
    from nas.latency import compare

    return lambda network, reference, _, **rest: compare(network, reference, rules, **rest)


def test_it_prints_milliseconds_ratio_and_what_they_were_measured_with(nas: Nas) -> None:
    ended = nas("latency", *SMALL)
    assert (ended.status, ended.err) == (0, "")
    first, title, milliseconds, ratio, runtime, *rest = ended.out.splitlines()
    assert first == "Measuring lrunet_1_1x."
    assert title.startswith("lrunet_1_1x, architecture ")
    assert title.endswith("one 3x16x16 image, 7 classes")
    assert milliseconds.split()[0] == "latency_ms"
    assert float(milliseconds.split()[1]) > 0
    assert "to the reference network's" in ratio
    assert "95 % interval" in ratio
    assert runtime.startswith("onnxruntime ")
    assert ", one thread, " in runtime
    assert len(rest) <= 1  # whether it was noisy


def test_a_network_of_a_run_is_measured_for_the_runs_images(nas: Nas) -> None:
    ended = nas("latency", f"{PUBLISHED}:7b42f8")
    assert (ended.status, ended.err) == (0, "")
    assert "architecture 7b42f8229de2, one 1x28x28 image, 10 classes" in ended.out


def test_what_was_measured_is_remembered_until_somebody_insists(nas: Nas, tmp_path: Path) -> None:
    first = json.loads(nas("latency", *SMALL, "--json").out)
    (file,) = tmp_path.glob(f".cache/nas/latency/*/{first['id']}-3x16x16-7.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"ratio": 77.0, "noisy": False}))
    assert json.loads(nas("latency", *SMALL, "--json").out)["ratio"] == 77.0
    assert json.loads(nas("latency", *SMALL, "--json", "--fresh").out)["ratio"] != 77.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("lrunet_1_1x", "--device", "tpu"), "--device tpu: unknown device (known: cpu, cuda)"),
        (("lrunet_1_1x", "--input", "32x32"), "write CHANNELSxHEIGHTxWIDTH"),
        (("lru_vgnet",), "lru_vgnet"),
        (("lenet",), "head.flatten.size: 4x4 pixels are expected and 53x53 come"),
        (("lenet", "--json"), "head.flatten.size: 4x4 pixels are expected and 53x53 come"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    nas: Nas, words: tuple[str, ...], message: str
) -> None:
    ended = nas("latency", *words)
    assert ended.status == 2
    assert message in ended.err


def test_without_the_extra_it_says_what_to_install(
    nas: Nas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.latency._deploy.find_spec", lambda name: None)
    ended = nas("latency", *SMALL)
    assert ended.status == 2
    assert "pip install 'reuse-nas[latency]'" in ended.err


def test_calibrate_says_its_error(
    nas: Nas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.latency._calibrate.MAX_PARTS", 8)
    monkeypatch.setattr("nas.latency._measure.compare", quiet)
    (tmp_path / "small.yaml").write_text(SMALL_SPACE)
    words = ("latency", "--calibrate", tmp_path / "small.yaml", "--networks", 10)
    ended = nas(*words, "--input", "1x8x8", "--classes", "3")
    assert ended.status == 0
    assert "within 10 % for " in ended.out
    assert "of 10 networks, median error " in ended.out
    again = json.loads(nas(*words, "--input", "1x8x8", "--classes", "3", "--json").out)
    assert again["networks"] == 10
    assert 0 <= again["good_share"] <= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give either a MODEL to measure or --calibrate SPACE"),
        (("lrunet_1_1x", "--calibrate", "lru_vgnet"), "give either a MODEL"),
        (("--calibrate", "lru_vgnet", "--fresh"), "cannot be combined"),
        (("--calibrate", "lrunet_1_1x"), "nothing is open there"),
        (("--calibrate", "lru_vgnet", "--networks", "2"), "--networks 2: at least 10"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(
    nas: Nas, words: tuple[str, ...], message: str
) -> None:
    ended = nas("latency", *words)
    assert ended.status == 2
    assert message in ended.err
