from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nas.cli import main
from nas.search import _probe
from tests.search.small import SMALL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def nas(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """nas("report", run) is that command, run in this process."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["nas", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        out, err = capsys.readouterr()
        return Ended(code if isinstance(code, int) else 0, out, err)

    return run


@pytest.fixture
def small_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small space is known after a glance."""
    monkeypatch.setattr(_probe, "PROBE_SETTINGS", 200)
    monkeypatch.setattr(_probe, "DESCENT_STEPS", 20)


@pytest.fixture
def search_words(small_probe: None, tmp_path: Path) -> list[str]:
    """`nas search` on a small space and data, in process; options may follow."""
    labels = np.arange(90) % 3
    images = np.random.default_rng(0).integers(0, 40, (90, 8, 8), dtype=np.uint8)
    images += (90 * labels).astype(np.uint8)[:, None, None]
    np.savez(tmp_path / "steps.npz", images=images, labels=labels)
    (tmp_path / "small.yaml").write_text(SMALL)
    return [
        *("search", "--space", str(tmp_path / "small.yaml")),
        *("--data", str(tmp_path / "steps.npz"), "--epochs", "1", "--budget", "3"),
        *("--train-images", "150"),
        *("--workers", "local", "--out", str(tmp_path / "run")),
    ]
