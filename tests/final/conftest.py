from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from nas.cli import app
from nas.export import export_network
from nas.final import _curves, _results, plan_training
from tests.final.small_model import QUICK, write_files
from tests.search.small import SMALL

if TYPE_CHECKING:
    from pathlib import Path

    from nas.export import Exported
    from nas.final import TrainingPlan


@pytest.fixture
def whole_results() -> None:
    """For tests that look at pictures of curves, or at what is deployed."""


@pytest.fixture(autouse=True)
def only_figures_and_code(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings here take a quarter of a second, pictures and deployed forms a whole one."""
    if "whole_results" in request.fixturenames:
        return

    def export_code(*arguments: Any, deployment: object, **options: Any) -> Exported:
        return export_network(*arguments, **options)

    monkeypatch.setattr(_results, "export_network", export_code)
    monkeypatch.setattr(_curves, "_picture", lambda results: Figure(figsize=(1, 1)))


@pytest.fixture
def make_plan(tmp_path: Path, npz: Path) -> Any:
    """make_plan(seeds=[1]) is the plan to train the tiny network, with that changed."""
    model, recipe = write_files(tmp_path)

    def made(**changes: Any) -> TrainingPlan:
        given: dict[str, Any] = {"recipe": recipe, "data": str(npz), "device": "cpu"} | changes
        return plan_training(given.pop("target", model), **given)

    return made


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a search of eight networks, and a recipe of ten epochs."""
    folder = tmp_path_factory.mktemp("searched")
    labels = np.arange(150) % 3
    images = np.random.default_rng(0).integers(0, 120, (150, 8, 8), dtype=np.uint8)
    images += (50 * labels).astype(np.uint8)[:, None, None]
    np.savez(folder / "steps.npz", images=images, labels=labels)
    (folder / "small.yaml").write_text(SMALL)
    (folder / "quick.yaml").write_text(QUICK.replace("epochs: 3", "epochs: 10"))
    words = ["search", "--space", str(folder / "small.yaml"), "--data", str(folder / "steps.npz")]
    words += ["--epochs", "1", "--train-images", "64", "--budget", "8", "--workers", "local"]
    words += ["--ladder", "none", "--sampler", "random", "--out", str(folder / "run")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (done.output, done.exception)
    return folder


@pytest.fixture
def run(searched: Path, tmp_path: Path) -> Path:
    """A copy of the run, without finals."""
    return shutil.copytree(searched / "run", tmp_path / "run")
