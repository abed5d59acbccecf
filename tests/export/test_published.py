"""The exports in `results/` are what today's emitter writes."""

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

if TYPE_CHECKING:
    from nas.run import Run

RUN = Path(__file__).parents[2] / "results" / "lru_vgnet_200"
RECORDS = sorted((RUN / "final" / "networks").glob("*/export/*.json"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy: opening a run may leave a lock in its folder."""
    folder = tmp_path_factory.mktemp("published") / "run"
    shutil.copytree(RUN, folder)
    return open_run(folder)


def test_the_finalists_are_published(run: Run) -> None:
    finals = json.loads((RUN / "final" / "final.json").read_text())
    ids = {one["arch_id"] for one in finals["members"]}
    assert {json.loads(record.read_text())["id"] for record in RECORDS} == ids
    assert len(ids) == 6


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_the_published_code_is_current(run: Run, record: Path, tmp_path: Path) -> None:
    plain = json.loads(record.read_text())
    member = next(one for one in run.finals() if one.arch_id == plain["id"])
    inputs = plain["inputs"]
    for name in ("class_names", "mean", "std"):
        inputs[name] = tuple(inputs[name])
    files = export_network(
        tmp_path,
        member.arch,
        input_shape=tuple(plain["input_shape"]),
        num_classes=len(inputs["class_names"]),
        weights=record.with_suffix(".safetensors").read_bytes(),
        provenance=member.provenance,
        inputs=Inputs(**inputs),
    )
    why = "the emitter has changed: python -m benchmarks.published_export"
    assert files.module.read_text() == record.with_suffix(".py").read_text(), why
    assert files.model_file.read_text() == record.with_suffix(".yaml").read_text(), why


@pytest.fixture(scope="module")
def logits() -> dict[str, torch.Tensor]:
    """By file name, as a user's own program would have them."""
    code = "import sys, torch\nfrom importlib import import_module\n"
    code += "images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))\n"
    for record in RECORDS:
        code += f"sys.path.insert(0, {str(record.parent)!r})\n"
        code += f"print(import_module({record.stem!r}).load()(images).tolist())\n"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True
    )
    made = [torch.tensor(json.loads(line)) for line in done.stdout.splitlines()]
    return {record.stem: one for record, one in zip(RECORDS, made, strict=True)}


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_the_published_forms_agree(record: Path, logits: dict[str, torch.Tensor]) -> None:
    import onnxruntime

    images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    exact = logits[record.stem]
    whole, small = (
        torch.from_numpy(session.run(None, {"images": images.numpy()})[0])
        for session in (
            onnxruntime.InferenceSession(
                record.with_suffix(suffix), providers=["CPUExecutionProvider"]
            )
            for suffix in (".onnx", ".int8.onnx")
        )
    )
    assert float((whole - exact).abs().max()) < 1e-4 * float(exact.abs().max())
    # Noise is not what 8 bits were calibrated on: the class is kept, the logits roughly.
    assert torch.equal(small.argmax(1), exact.argmax(1))
