"""The fault campaign in its short form: nothing lost, nothing trained twice, nothing stuck."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "faults.py"
pytestmark = pytest.mark.skipif(
    not PROGRAM.is_file(), reason="benchmarks/ is not part of a source distribution"
)
SHORT = (
    "kill -9 at any moment",
    "SIGTERM at any moment",
    "poison network",
    "journal's last line torn",
    "disk full",
)


@pytest.fixture(scope="module")
def faults() -> Any:
    spec = importlib.util.spec_from_file_location("faults", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["faults"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SHORT)
def test_a_search_survives(faults: Any, name: str) -> None:
    tally = faults.inject(name, seed=1)
    assert (tally.faults, tally.lost, tally.duplicated, tally.stuck) == (1, 0, 0, 0)


def test_a_search_that_does_not_end_is_noticed(
    faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(lab: Any) -> None:
        lab.search(10, lambda: faults.os._exit(137))

    monkeypatch.setitem(faults.FAULTS, "training raises", break_off)
    monkeypatch.setattr(faults, "STUCK_S", 0.0)
    assert faults.inject("training raises", seed=1).stuck == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_campaign(faults: Any) -> None:
    for name, tally in faults.campaign(2 * len(faults.FAULTS), seed=2).items():
        assert (tally.lost, tally.duplicated, tally.stuck) == (0, 0, 0), name
