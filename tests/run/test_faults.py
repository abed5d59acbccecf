"""The fault campaign in its short form: nothing lost, nothing trained twice, nothing stuck."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

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
    "two drivers: a line that opens a trial damaged or deleted",
    "disk full",
    "data changed, brought back",
    "space.yaml edited or cut, brought back",
    "weights overwritten",
    "SQLite: process dies in a training",
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
    """A repair that keeps half of the journal: what it dropped is missed."""

    def halve(lab: Any) -> None:
        lab.search(10, faults.of_processes.die)
        lines = lab.journal.read_bytes().splitlines(keepends=True)
        lab.journal.write_bytes(b"".join(lines[: len(lines) // 2]))

    monkeypatch.setitem(faults.FAULTS, "training raises", halve)
    tally = faults.inject("training raises", seed=1)

    assert tally.recorded == 10
    assert 3 <= tally.lost <= 7
    assert 0 < tally.duplicated <= tally.lost, "another draw need not propose all of it again"
    assert not tally.stuck


def test_a_result_that_is_changed_is_noticed(faults: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(lab: Any) -> None:
        lab.search()
        text = lab.journal.read_text()
        accuracy = next(iter(lab.records().values())).scores.accuracy
        lab.journal.write_text(text.replace(f'"accuracy":{accuracy}', '"accuracy":0.99'))

    monkeypatch.setitem(faults.FAULTS, "training raises", change)
    tally = faults.inject("training raises", seed=1)

    assert (tally.recorded, tally.lost, tally.duplicated) == (20, 1, 0)


def test_a_network_trained_twice_in_one_go_is_noticed(
    faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(lab: Any) -> None:
        lab.search()
        with lab.witness.trained.open("a") as file:
            file.write(lab.witness.trained.read_text().splitlines()[0] + "\n")

    monkeypatch.setitem(faults.FAULTS, "training raises", twice)
    assert faults.inject("training raises", seed=1).duplicated == 1


def watched(faults: Any, folder: Path, harm_s: float | None) -> Any:
    """A witness of a network that one worker trained from 1.0 to 1.1, and again from 2.0 on."""
    witness = importlib.import_module("witness").Witness(folder)
    witness.begun.write_text("7 1.0\n8 2.0\n9 3.0\n")
    witness.trained.write_text("a 1.0 1.1 7\na 2.0 2.1 8\nb 3.0 3.1 9\n")
    if harm_s is not None:
        witness.harm(harm_s)
    return witness


@pytest.mark.parametrize(
    ("recorded_s", "harm_s", "in_vain"),
    [(None, None, 1), (None, 1.05, 0), (None, 0.5, 1), (1.2, 1.05, 1), (2.2, 1.05, 0)],
    ids=["no harm", "in training", "harm before", "recorded before", "recorded later"],
)
def test_what_was_in_training_may_be_trained_again(
    faults: Any, tmp_path: Path, recorded_s: float | None, harm_s: float | None, in_vain: int
) -> None:
    witness = watched(faults, tmp_path, harm_s)
    if recorded_s is not None:
        seen = SimpleNamespace(number=0, arch=SimpleNamespace(id="a"))
        with mock.patch("time.monotonic", return_value=recorded_s):
            witness.note([seen])

    assert witness.trained_twice() == in_vain


@pytest.mark.parametrize(
    ("harm_s", "began_s", "dropped", "in_vain"),
    [(1.05, None, 0, 0), (1.5, None, 1, 0), (1.5, 1.2, 1, 1), (1.5, 1.6, 1, 0), (1.9, None, 1, 1)],
    ids=["in training", "on its way", "handed over", "handed over later", "held back"],
)
def test_a_finished_result_that_is_dropped_is_counted(
    faults: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm_s: float,
    began_s: float | None,
    dropped: int,
    in_vain: int,
) -> None:
    """One may be on its way to the study; none whose worker had another network, nor for long."""
    monkeypatch.setattr(importlib.import_module("witness"), "ON_ITS_WAY_S", 0.5)
    witness = watched(faults, tmp_path, harm_s)
    if began_s is not None:
        with witness.begun.open("a") as file:
            file.write(f"7 {began_s}\n")

    assert (witness.dropped(), witness.trained_twice()) == (dropped, in_vain)


def test_a_result_that_stands_for_another_network_is_noticed(
    faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What two trials have come to is exchanged; that the fault spoilt them is no excuse."""

    def exchange(lab: Any) -> None:
        lab.search()
        first, second, *_ = (str(one.scores.accuracy) for one in lab.records().values())
        text = lab.journal.read_text().replace(first, "X").replace(second, first)
        lab.journal.write_text(text.replace("X", second))
        lab.witness.spoilt |= set(lab.records())

    monkeypatch.setitem(faults.FAULTS, "training raises", exchange)
    assert faults.inject("training raises", seed=1).lost == 2


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_whole_campaign(faults: Any) -> None:
    names = faults.possible()
    for name, tally in faults.campaign(len(names), 2, names).items():
        assert is_fine(tally), (name, tally)
