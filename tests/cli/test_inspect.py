from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from nas.cli import app
from nas.errors import IllegalArchitecture, ModelFileError, OptionError, RunFolderError

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """
stem: {conv: {channels: 8, stride: 2}}
stages:
  - {channels: 16, depth: 1, stride: 2, block: separable}
head: gap_linear
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Current folder with model.yaml and images.npz."""
    (tmp_path / "model.yaml").write_text(MODEL)
    images = np.random.default_rng(0).integers(0, 255, (60, 12, 12), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(60) % 3)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def inspect(*arguments: str) -> str:
    """What `nas inspect` prints; its errors are raised."""
    command = ["inspect", *arguments, "--data", "images.npz"]
    return CliRunner().invoke(app, command, catch_exceptions=False).output


def test_a_model_file_is_trained_and_its_weights_are_kept(folder: Path) -> None:
    output = inspect("model.yaml", "--epochs", "1", "--train-images", "32")

    assert "training model for 1 epoch over 32 images of images.npz" in output
    assert (folder / "inspect" / "model" / "kernels.png").is_file()

    weights = str(folder / "inspect" / "model" / "weights.safetensors")
    again = inspect("model.yaml", "--weights", weights, "--out", "again")

    assert "training" not in again
    first, second = (
        json.loads((folder / place / "inspect.json").read_text())
        for place in ("inspect/model", "again")
    )
    assert first["depthwise"] == second["depthwise"]
    assert first["changes"] == second["changes"]


def test_figures_are_one_json_object(folder: Path) -> None:
    plain = json.loads(inspect("model.yaml", "--untrained", "--json"))

    assert plain["name"] == "model"
    assert {"depthwise", "changes", "files"} <= set(plain)


def test_untrained_networks_are_shown_without_advice(folder: Path) -> None:
    output = inspect("model.yaml", "--untrained", "--out", "there")

    assert "suggest nothing" in output
    assert "random 3x3" in output
    assert not (folder / "there" / "weights.safetensors").exists()


def test_a_network_without_depthwise_layers_is_said_to_be_one(folder: Path) -> None:
    output = inspect("model.yaml", "--untrained", "--set", "stages.0.block=residual")

    assert "No depthwise convolutions" in output
    assert not (folder / "inspect" / "model" / "kernels.png").exists()


def test_what_cannot_be_is_said(folder: Path) -> None:
    with pytest.raises(OptionError, match="cannot be combined"):
        inspect("model.yaml", "--untrained", "--weights", "model.yaml")
    with pytest.raises(RunFolderError, match=r"none\.safetensors: weights cannot be read"):
        inspect("model.yaml", "--weights", "none.safetensors")
    with pytest.raises(ModelFileError, match="not the weights of model"):
        inspect("model.yaml", "--weights", "model.yaml")
    with pytest.raises(ModelFileError, match="no such model file or run"):
        inspect("nowhere:abc123")


def test_a_network_of_a_run_comes_with_its_weights(folder: Path) -> None:
    space = MODEL.replace("depth: 1", "depth: {choice: [1, 2]}")
    (folder / "space.yaml").write_text(space)
    options = "--budget 1 --workers local --epochs 1 --train-images 32 --data images.npz --out run"
    command = ["search", "--space", "space.yaml", *options.split()]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    (weights,) = (folder / "run" / "weights").glob("*.safetensors")

    output = inspect(f"run:{weights.stem[:4]}")

    assert f"architecture {weights.stem}, weights {weights.name}" in output
    assert (folder / "run" / "inspect" / weights.stem / "kernels.png").is_file()
    assert "untrained" in inspect(f"run:{weights.stem}", "--untrained")
    with pytest.raises(OptionError, match="no network of this run begins so"):
        inspect("run:000000000000")
    with pytest.raises(OptionError, match="leave it out"):
        inspect(f"run:{weights.stem}", "--set", "head=gap_linear")


@pytest.mark.parametrize("how", ["--untrained", "--epochs=1"])
def test_a_network_that_does_not_suit_the_data_is_refused_with_what_to_do(
    folder: Path, how: str
) -> None:
    with pytest.raises(OptionError, match=r"mgic_segmentation: head segmentation .* RUN:ID"):
        inspect("mgic_segmentation", how)
    with pytest.raises(IllegalArchitecture, match="use larger images"):
        inspect("lenet", how)
    assert not (folder / "inspect").exists()
