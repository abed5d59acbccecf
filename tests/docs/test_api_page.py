"""Every snippet of docs/api.md runs, in the order of the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

import nas
from nas.trial import DEFAULT_FIDELITY

PAGE = Path(nas.__file__).parents[1] / "docs" / "api.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="docs/ is not part of this copy")


@pytest.mark.usefixtures("own_metrics")
def test_the_snippets_of_the_api_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    short = replace(DEFAULT_FIDELITY, train_images=500)
    monkeypatch.setattr("nas.run._api.DEFAULT_FIDELITY", short)
    labels = np.arange(120) % 3
    noise = np.random.default_rng(0).integers(0, 40, (120, 16, 16), dtype=np.uint8)
    images = noise + (90 * labels).astype(np.uint8)[:, None, None]
    np.savez("images.npz", images=images, labels=labels)
    examples = list(Sybil(parsers=[PythonCodeBlockParser()]).parse(PAGE))
    for example in examples:
        example.evaluate()

    printed = capsys.readouterr().out
    assert len(examples) == 7
    assert "3 of 3" in printed
    assert "finished 3" in printed
    assert "total_depth" in printed
    assert "did you mean 'model'" in printed
