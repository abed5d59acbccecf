"""Exported files run where `nas` cannot be imported, and give the same bits.

All files of the sample run in one process, `python -I` in a folder of their own: importing torch
takes longer than everything else here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from nas.cost import cost_of
from nas.export import export_network
from nas.model import build_model, load_weights, save_weights
from tests.export.networks import CLASSES, PROVENANCE, SHAPE, sample
from tests.model.fill import fill

if TYPE_CHECKING:
    from pathlib import Path

    from nas.arch import Architecture

RUNNER = '''
import importlib.abc, importlib.util, json, pathlib, sys

class NoNas(importlib.abc.MetaPathFinder):
    """Wherever `nas` may be installed, here it is not."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "nas":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NoNas())
try:
    import nas
except ModuleNotFoundError:
    pass
else:
    sys.exit("nas can be imported")

import torch
from safetensors.torch import load_file, load_model, save_file
from torch.utils.flop_counter import FlopCounterMode

images = load_file("images.safetensors")["images"]
logits, counts = {}, {}
for path in sorted(pathlib.Path().glob("*.py")):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    name = module.__doc__.split(",")[0]
    model = getattr(module, name)()
    load_model(model, path.with_suffix(".safetensors"))
    model.eval()
    with torch.inference_mode():
        logits[path.stem] = model(images).clone()
    params = sum(p.numel() for p in model.parameters() if p.requires_grad)
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        model.to("meta")(torch.empty(1, *images.shape[1:], device="meta"))
    counts[path.stem] = {"params": params, "macs": flops.get_total_flops() // 2}
save_file(logits, "logits.safetensors")
pathlib.Path("counts.json").write_text(json.dumps(counts))
assert not [name for name in sys.modules if name.partition(".")[0] == "nas"]
'''


def trained(arch: Architecture) -> bytes:
    """Weights as a worker would send them, BatchNorm statistics and all."""
    return save_weights(fill(build_model(arch, in_channels=SHAPE[0], num_classes=CLASSES)))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("each", [0, pytest.param(4, marks=pytest.mark.slow)])
def test_same_bits_parameters_and_macs_where_nas_cannot_be_imported(
    tmp_path: Path, each: int
) -> None:
    images = torch.rand((4, *SHAPE), generator=torch.Generator().manual_seed(0))
    save_file({"images": images}, tmp_path / "images.safetensors")
    expected, costs = {}, {}
    for arch in sample(each):
        weights = trained(arch)
        files = export_network(
            tmp_path,
            arch,
            input_shape=SHAPE,
            num_classes=CLASSES,
            weights=weights,
            provenance=PROVENANCE,
        )
        model = build_model(arch, in_channels=SHAPE[0], num_classes=CLASSES).eval()
        load_weights(model, weights)
        with torch.inference_mode():
            expected[files.module.stem] = model(images).clone()
        cost = cost_of(arch, input_shape=SHAPE, num_classes=CLASSES)
        costs[files.module.stem] = {"params": cost.params, "macs": cost.macs}
    run_isolated(tmp_path)
    logits = load_file(tmp_path / "logits.safetensors")
    assert logits.keys() == expected.keys()
    assert [name for name in logits if not torch.equal(logits[name], expected[name])] == []
    assert json.loads((tmp_path / "counts.json").read_text()) == costs


def run_isolated(folder: Path) -> None:
    environment: dict[str, Any] = {
        key: value for key, value in os.environ.items() if not key.startswith("PYTHON")
    }
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", RUNNER],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
