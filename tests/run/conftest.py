from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nas.run import Run, SearchSettings, WorkerConfig, create_run
from nas.search import _probe
from nas.trial import Fidelity
from tests.search.small import SMALL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeSession = Callable[..., Run]

LOCAL = WorkerConfig(workers="local")


@pytest.fixture(autouse=True)
def short_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small space is known after a glance."""
    monkeypatch.setattr(_probe, "PROBE_SETTINGS", 200)
    monkeypatch.setattr(_probe, "DESCENT_STEPS", 20)


@pytest.fixture(scope="session")
def npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 images of 8x8 in three classes: the brighter, the higher the class."""
    labels = np.arange(90) % 3
    noise = np.random.default_rng(0).integers(0, 40, (90, 8, 8), dtype=np.uint8)
    path = tmp_path_factory.mktemp("data") / "steps.npz"
    np.savez(path, images=noise + (90 * labels).astype(np.uint8)[:, None, None], labels=labels)
    return path


@pytest.fixture(scope="session")
def space_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spaces") / "small.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def settings(npz: Path, space_file: Path) -> Callable[..., SearchSettings]:
    def make(**changed: object) -> SearchSettings:
        given: dict[str, object] = {
            "space": str(space_file),
            "data": str(npz),
            "budget": 6,
            "objectives": ("accuracy", "params", "macs"),
            "fidelity": Fidelity(epochs=1),
            "study": "small",
            "task_timeout_s": 60.0,
        }
        return SearchSettings(**given | changed)  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_session(settings: Callable[..., SearchSettings], tmp_path: Path) -> MakeSession:
    """make_session("run", budget=9) is a new search of the small space in tmp_path / "run"."""

    def make(name: str = "run", **changed: object) -> Run:
        return create_run(settings(**changed), tmp_path / name).run

    return make
