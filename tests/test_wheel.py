"""The wheel: installed into an empty environment, `nas` works outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import nas
from nas.space import catalogue

ROOT = Path(nas.__file__).parents[1]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from this checkout; where hatchling is not installed, pip fetches it."""
    out = tmp_path_factory.mktemp("dist")
    here = ["--no-build-isolation"] if find_spec("hatchling") else []
    pip(sys.executable, "wheel", "--no-deps", *here, "--wheel-dir", str(out), str(ROOT))
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bin/` of an environment that holds the wheel; what it depends on is lent by ours."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=True, symlinks=True)
    binaries = home / "bin"
    pip(str(binaries / "python"), "install", "--no-deps", "--no-index", str(wheel))
    return binaries


def pip(python: str, *words: str) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def run(binaries: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # PYTHONPATH reads no .pth files, so an editable install of this checkout is not lent.
    lent = sysconfig.get_path("purelib")
    return subprocess.run(
        words,
        cwd=folder,
        env={"PATH": f"{binaries}:{os.environ['PATH']}", "PYTHONPATH": lent, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_code_and_model_files_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    files = {name for name in names if name.startswith("nas/search_spaces/")}
    shipped = {str(path.relative_to(ROOT)) for path in (ROOT / "search_spaces").rglob("*.yaml")}
    assert {f"nas/{name}" for name in shipped} <= files
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"nas"}


def test_nas_comes_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    program = "import nas; print(nas.__file__)"
    done = run(installed, tmp_path, "python", "-c", program)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(installed.parent)


def test_spaces_show_and_cost_work_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    listed = run(installed, tmp_path, "nas", "spaces")
    assert listed.returncode == 0, listed.stderr
    first_words = {line.split()[0] for line in listed.stdout.splitlines() if line.strip()}
    assert set(catalogue()) <= first_words
    shown = run(installed, tmp_path, "nas", "show", "lru_vgnet")
    assert shown.returncode == 0, shown.stderr
    assert "distinct networks" in shown.stdout
    counted = run(installed, tmp_path, "nas", "cost", "lrunet_14_1x", "--json")
    assert '"params": 460712' in counted.stdout, counted.stderr
    refused = run(installed, tmp_path, "nas", "cost", "nowhere")
    assert refused.returncode == 2
    assert refused.stderr.startswith("nas: nowhere: no model file of that name")
