"""The fault campaign in its short form: nothing lost, nothing trained twice, nothing stuck."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "faults"
pytestmark = pytest.mark.skipif(
    not PROGRAM.is_dir(), reason="benchmarks/ is not part of a source distribution"
)
SHORT = (
    "kill -9 at any moment",
    "SIGTERM at any moment",
    "death before or after a write",
    "poison network",
    "journal's last line torn",
    "a line of the journal damaged, repaired",
    "disk full",
    "data changed, brought back",
    "space.yaml edited or cut, brought back",
    "weights overwritten",
)


@pytest.fixture(scope="module")
def faults() -> Iterator[Any]:
    """The module that injects."""
    sys.path.insert(0, str(PROGRAM))
    known = set(sys.modules)
    yield importlib.import_module("campaign")
    sys.path.remove(str(PROGRAM))
    for name in set(sys.modules) - known:
        if str(PROGRAM) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def is_fine(tally: Any) -> bool:
    """Nothing lost, trained twice or stuck, and no other end than the fault's own."""
    return not (tally.lost or tally.duplicated or tally.stuck or tally.surprises)


@pytest.mark.parametrize("name", SHORT)
def test_a_search_survives(faults: Any, name: str) -> None:
    tally = faults.inject(name, seed=1)

    assert tally.faults == 1
    assert is_fine(tally), tally


def test_a_search_that_does_not_end_is_noticed(
    faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(lab: Any) -> None:
        lab.search(10, lambda: faults.of_processes.die())

    monkeypatch.setitem(faults.FAULTS, "training raises", break_off)
    monkeypatch.setattr(faults, "STUCK_S", 0.0)
    assert faults.inject("training raises", seed=1).stuck == 1


def test_results_that_are_lost_or_trained_twice_are_noticed(
    faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(lab: Any) -> None:
        lab.search(10, faults.of_processes.die)
        before = lab.records

        def records() -> Any:
            """As it was, then without what was recorded."""
            lines = lab.journal.read_bytes().splitlines(keepends=True)
            found = before()
            if len(found) < faults.BUDGET:
                lab.journal.write_bytes(b"".join(lines[:-3]))
            return found

        monkeypatch.setattr(type(lab), "records", lambda self: records())

    monkeypatch.setitem(faults.FAULTS, "training raises", lose)
    monkeypatch.setattr(faults, "STUCK_S", 1.0)
    tally = faults.inject("training raises", seed=1)
    assert tally.duplicated > 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_whole_campaign(faults: Any) -> None:
    names = faults.possible()
    for name, tally in faults.campaign(len(names), 2, names).items():
        assert is_fine(tally), (name, tally)
