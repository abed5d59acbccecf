"""Hundreds of workers, on a simulated clock that the driver's processor time moves."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not BENCHMARKS.is_dir(), reason="benchmarks/ is not part of a source distribution"
    ),
]


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("scale")


def test_one_driver_keeps_256_workers_busy(scale: Any) -> None:
    setup = scale.Setup(
        space="lru_vgnet", sampler="model", workers=256, seconds=10.0, trials=1_500, ladder="full"
    )
    # 256 workers and 10 s leave the driver 39 ms for each network; it needs 6 to 13.
    assert scale.measure(setup).busy > 0.85
