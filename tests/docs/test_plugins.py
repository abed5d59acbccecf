"""The worked example of docs/plugins.md: costs, a search on both pools, export."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

import nas
from nas.cli import app
from nas.testing import FamilyTests
from tests.small_data import blobs

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(nas.__file__).parents[1]
GHOST = ROOT / "docs" / "plugins" / "ghost.py"
SPACE = ROOT / "docs" / "plugins" / "ghost_space.yaml"
pytestmark = pytest.mark.skipif(not GHOST.is_file(), reason="docs/ is not part of this copy")


class TestGhost(FamilyTests):
    """As the document has it."""

    plugin = str(GHOST)


ONE_AFTER_THE_OTHER = """
import json, sys
from nas.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["nas", *words]
    try:
        main()
    except SystemExit as end:
        assert not end.code, words
"""


def run(*commands: Sequence[str], cwd: Path) -> str:
    """What the commands print in a process of their own, which takes longest to start."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(commands)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def test_counts_are_those_of_the_paper_s_module(tmp_path: Path) -> None:
    """GhostNet's module with 1x1 primary and 3x3 cheap filters, counted by hand."""
    model = tmp_path / "one.yaml"
    model.write_text(
        "stem: {conv: {channels: 8, stride: 1}}\n"
        "stages: [{channels: 16, stride: 2, block: {ghost: {expansion: 3}}}]\n"
        "head: gap_linear\n"
    )
    arguments = (str(model), "--plugin", str(GHOST), "--input", "3x8x8", "--classes", "4")
    cost = json.loads(CliRunner().invoke(app, ["cost", *arguments, "--json"]).stdout)
    ghost = {
        "expand": 8 * 24 + 24 * 9 + 2 * 48,
        "stride": 48 * 9 + 2 * 48,
        "project": 48 * 8 + 8 * 9 + 2 * 16,
        "shortcut": 8 * 9 + 2 * 8 + 8 * 16 + 2 * 16,
    }
    assert cost["params"] == 8 * 27 + 16 + sum(ghost.values()) + 16 * 4 + 4
    macs = 64 * (8 * 27 + 8 * 24 + 24 * 9) + 16 * (48 * 9 + 48 * 8 + 8 * 9 + 8 * 9 + 8 * 16) + 64
    assert cost["macs"] == macs


def search_with_ghosts(folder: Path, workers: str, plugin: Path = GHOST) -> str:
    """`nas search --plugin` on small images; what it printed."""
    images, labels = blobs(120)
    np.savez(folder / "blobs.npz", images=images, labels=labels)
    words = (
        "search", "--plugin", str(plugin), "--space", str(SPACE), "--data", "blobs.npz",
        "--budget", "2", "--epochs", "1", "--train-images", "120", "--workers", workers,
        "--out", "run", "--set", "stages.0.block=ghost",
    )  # fmt: skip
    return run(words, cwd=folder)


@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(600)
@pytest.mark.slow
def test_workers_of_ray_know_the_family_and_nothing_of_ray_is_printed(tmp_path: Path) -> None:
    lines = search_with_ghosts(tmp_path, workers="1").splitlines()

    assert any("nas resume" in line for line in lines)
    assert any(line.startswith("1 worker") for line in lines)
    progress = [line for line in lines if line.startswith("[")]
    assert progress[-1].startswith("[2/2] 2 finished")
    found = nas.open_run(tmp_path / "run").trials()
    assert {one.state for one in found} == {"complete"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_search_from_the_file_to_the_export(tmp_path: Path) -> None:
    ghost = tmp_path / "my_ghost.py"
    ghost.write_text(GHOST.read_text(encoding="utf-8"), encoding="utf-8")
    search_with_ghosts(tmp_path, "local", ghost)
    # The run folder knows its families, whatever becomes of the file.
    ghost.unlink()
    run(("report", "run"), ("export", "run", "--pick", "best", "--code-only"), cwd=tmp_path)
    (module,) = (tmp_path / "run" / "export").glob("*.py")
    source = module.read_text(encoding="utf-8")
    assert "class GhostModule(nn.Module):" in source
    assert "nas." not in source.replace("nas 0", "")
    ast.parse(source)
    (weights,) = (tmp_path / "run" / "export").glob("*.safetensors")
    script = (
        "import runpy, torch, safetensors.torch as st\n"
        f"names = runpy.run_path({str(module)!r})\n"
        "network = next(v for v in names.values() if isinstance(v, type) and "
        "v.__module__ == '<run_path>' and issubclass(v, torch.nn.Module))\n"
        "model = network().eval()\n"
        f"st.load_model(model, {str(weights)!r})\n"
        "print(model(torch.zeros(1, *SHAPE)).shape)\n"
    ).replace("*SHAPE", ", ".join(map(str, _shape(blobs(1)[0]))))
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "torch.Size([1, 4])" in done.stdout


def _shape(images: np.ndarray[Any, Any]) -> tuple[int, ...]:
    height, width = images.shape[1:3]
    return (images.shape[3] if images.ndim == 4 else 1, height, width)


@pytest.mark.slow
def test_a_training_keeps_its_plug_ins(tmp_path: Path) -> None:
    images, labels = blobs(60)
    np.savez(tmp_path / "blobs.npz", images=images, labels=labels)
    (tmp_path / "one.yaml").write_text(
        "stem: {conv: {channels: 4}}\nstages: [{channels: 8, block: ghost}]\nhead: gap_linear\n"
    )
    options = ("--data", "blobs.npz", "--set", "epochs=1", "--out", "out")
    run(("train", "one.yaml", "--plugin", str(GHOST), *options), cwd=tmp_path)

    assert "Folder: out" in run(("train", "--resume", "out"), cwd=tmp_path)
