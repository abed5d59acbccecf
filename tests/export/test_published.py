"""The export in `results/` is what today's emitter writes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from nas.export import Inputs, export_network
from nas.run import open_run
from nas.run._results import _provenance

if TYPE_CHECKING:
    from nas.run import Run

RUN = Path(__file__).parents[2] / "results" / "lru_vgnet_fashion_mnist_200"
RECORDS = sorted((RUN / "export").glob("*.json"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy: opening a run may leave a lock in its folder."""
    folder = tmp_path_factory.mktemp("published") / "run"
    shutil.copytree(RUN, folder, ignore=shutil.ignore_patterns("export"))
    return open_run(folder)


def test_two_networks_are_published() -> None:
    assert len(RECORDS) == 2


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_the_published_code_is_current(run: Run, record: Path, tmp_path: Path) -> None:
    plain = json.loads(record.read_text())
    (member,) = run.pick(plain["id"])
    inputs = plain["inputs"]
    for name in ("class_names", "mean", "std"):
        inputs[name] = tuple(inputs[name])
    weights = record.with_suffix(".safetensors")
    files = export_network(
        tmp_path,
        member.arch,
        input_shape=tuple(plain["input_shape"]),
        num_classes=len(inputs["class_names"]),
        weights=weights.read_bytes(),
        provenance=_provenance(run, member),
        inputs=Inputs(**inputs),
    )
    why = "the emitter has changed: python -m benchmarks.published_export"
    assert files.module.read_text() == record.with_suffix(".py").read_text(), why
    assert files.model_file.read_text() == record.with_suffix(".yaml").read_text(), why


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_the_published_forms_agree(record: Path) -> None:
    """As a user would load them, each on its own."""
    import onnxruntime

    images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    code = (
        f"import sys, torch; sys.path.insert(0, {str(record.parent)!r})\n"
        f"from {record.stem} import load\n"
        "images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))\n"
        "print(load()(images).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True
    )
    exact = torch.tensor(json.loads(done.stdout))
    for suffix, tolerance in ((".onnx", 1e-4), (".int8.onnx", 0.25)):
        session = onnxruntime.InferenceSession(
            record.with_suffix(suffix), providers=["CPUExecutionProvider"]
        )
        made = torch.from_numpy(session.run(None, {"images": images.numpy()})[0])
        assert float((made - exact).abs().max()) < tolerance * float(exact.abs().max())
