from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from matplotlib.figure import Figure

from nas.export import export_network
from nas.final import _curves, _results

if TYPE_CHECKING:
    from nas.export import Exported


@pytest.fixture
def whole_results() -> None:
    """For tests that look at pictures of curves, or at what is deployed."""


@pytest.fixture(autouse=True)
def only_figures_and_code(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings here take a quarter of a second, pictures and deployed forms a whole one."""
    if "whole_results" in request.fixturenames:
        return

    def export_code(*arguments: Any, deployment: object, **options: Any) -> Exported:
        return export_network(*arguments, **options)

    monkeypatch.setattr(_results, "export_network", export_code)
    monkeypatch.setattr(_curves, "_picture", lambda results: Figure(figsize=(1, 1)))
