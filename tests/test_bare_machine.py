"""A machine with torch and torchvision alone can describe, cost, build, train and export."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.final.small_model import write_files

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("optuna", "ray", "moocore", "fvcore", "sqlalchemy"):
            raise ImportError(f"{name} is not on this machine")

sys.meta_path.insert(0, Block())
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-W", "ignore", "-c", BLOCK + code]
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


PACKAGES = (
    "pareto",
    "space",
    "families",
    "sharing",
    "model",
    "cost",
    "proxy",
    "export",
    "train",
    "final",
    "inspect",
    "report",
    "workers",
)


def test_these_packages_need_no_engine() -> None:
    """In one process: a blocked import fails whatever was imported before it."""
    done = run("".join(f"import nas.{package}\n" for package in PACKAGES))
    assert (done.returncode, done.stderr) == (0, "")


def test_what_takes_seconds_to_load_is_imported_by_what_uses_it_alone() -> None:
    """In every process that trains, reads images or measures latency."""
    heavy = "'torchvision', 'scipy.stats', 'onnx', 'onnxruntime'"
    done = run(
        "import nas.train, nas.proxy, nas.data, nas.latency, nas.cli._main\n"
        "nas.data.load_data, nas.data.absolute_data\n"
        f"print([m for m in sys.modules if m in ({heavy})])"
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")


def test_the_command_line_still_answers() -> None:
    done = run(
        "sys.argv = ['nas', 'cost', 'lrunet_1_1x', '--json']\nimport nas.cli\nnas.cli.main()"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert '"params": ' in done.stdout


@pytest.mark.slow
def test_a_network_can_be_trained_in_full(tmp_path: Path, npz: Path) -> None:
    model, recipe = write_files(tmp_path)
    words = ["nas", "train", model, "--recipe", recipe, "--set", "epochs=1", "--data", str(npz)]
    words += ["--out", str(tmp_path / "out")]
    done = run(f"sys.argv = {words!r}\nimport nas.cli\nnas.cli.main()")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out/report.json").exists()


def test_the_block_blocks() -> None:
    assert run("import optuna").returncode == 1
