"""The snippets of docs/deployment.md and docs/faq.md run as they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

import nas
from nas.data import load_data
from nas.export import Deployment, Evidence, Inputs, export_network
from nas.model import build_model, save_weights
from nas.space import load_architecture
from nas.train import _losses, find_loss, seeded
from nas.trial import Fidelity
from tests.export.networks import PROVENANCE
from tests.small_data import blobs

DOCS = Path(nas.__file__).parents[1] / "docs"
pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="docs/ is not part of this copy")


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A folder with net.py and its weights and forms."""
    images, labels = blobs(60)
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    data = load_data(str(tmp_path / "data.npz"))
    arch = load_architecture("mobilenet_v1_cifar_0.25")
    with seeded(0):
        model = build_model(arch, in_channels=1, num_classes=data.num_classes)
    evidence = Evidence(
        dataset="blobs", accuracy=0.5, split="validation", images=1, training="proxy", trained="-"
    )
    files = export_network(
        tmp_path / "net",
        arch,
        input_shape=data.input_shape,
        num_classes=data.num_classes,
        weights=save_weights(model),
        provenance=PROVENANCE,
        deployment=Deployment(
            inputs=Inputs.of(data), evidence=evidence, data=data, fidelity=Fidelity(epochs=1)
        ),
    )
    for path in files.paths:
        _, dot, suffix = path.name.partition(".")
        path.rename(path.with_name(f"net{dot}{suffix}"))
    return tmp_path / "net"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_snippets_of_the_deployment_page_run(
    exported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(exported)
    monkeypatch.syspath_prepend(str(exported))
    monkeypatch.setattr("nas.quantize._int8.CALIBRATION_IMAGES", 8)
    document = Sybil(parsers=[PythonCodeBlockParser()]).parse(DOCS / "deployment.md")
    examples = list(document)
    for example in examples:
        example.evaluate()

    assert len(examples) == 3
    names, shape, equal = capsys.readouterr().out.split("\n")[:3]
    assert names.startswith("['")
    assert shape.startswith("(2, ")
    assert equal == "True"


def test_the_loss_of_the_questions_page_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_losses, "_LOSSES", {})
    (example,) = Sybil(parsers=[PythonCodeBlockParser()]).parse(DOCS / "faq.md")
    example.evaluate()

    outputs = torch.tensor([[4.0, 0.0], [0.0, 0.0]], requires_grad=True)
    value = find_loss("focal")(outputs, torch.tensor([0, 1]), smoothing=0.0, class_weights=None)
    value.backward()
    # The sure one hardly counts; the other has (1 - 1/2)^2 log 2.
    assert float(value.detach()) == pytest.approx(0.5 * 0.25 * np.log(2), rel=1e-2)
    assert outputs.grad is not None
