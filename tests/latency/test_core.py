"""A core of one's own: pinned, locked, and given back."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from nas.latency import REFERENCE, Rules, measure_latency
from nas.latency._core import exclusive_core, idlest_first

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="threads cannot be pinned here"
)


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_the_thread_is_pinned_within_and_free_afterwards() -> None:
    before = os.sched_getaffinity(0)
    with exclusive_core() as core:
        assert os.sched_getaffinity(0) == {core}
    assert os.sched_getaffinity(0) == before
    with pytest.raises(RuntimeError), exclusive_core():
        raise RuntimeError
    assert os.sched_getaffinity(0) == before


def test_nobody_else_gets_the_same_core(tmp_path: Path) -> None:
    with (
        exclusive_core() as core,
        (tmp_path / f"nas-latency-core-{core}.lock").open("a") as file,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / f"nas-latency-core-{core}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_who_finds_all_cores_taken_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only = min(os.sched_getaffinity(0))
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {only})
    file = (tmp_path / f"nas-latency-core-{only}.lock").open("a")
    fcntl.flock(file, fcntl.LOCK_EX)
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            file.close()

    monkeypatch.setattr("time.sleep", sleep)
    with exclusive_core() as core:
        assert core == only
    assert len(waits) == 3  # one to see which core is idle, two for the other to finish


def test_the_idlest_core_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([{0: 5, 1: 5, 2: 5}, {0: 9, 1: 5, 2: 6}])
    monkeypatch.setattr("nas.latency._core._busy_ticks", lambda: next(ticks))
    assert idlest_first({0, 1, 2}) == [1, 2, 0]


def test_a_measurement_says_where_and_with_what() -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    rules = Rules(block_s=0.001, min_rounds=6, max_rounds=40, tolerance=0.2)
    found = measure_latency(REFERENCE, rules=rules)
    assert 0.5 < found.ratio < 2  # itself, on a machine that may be busy
    assert 0.001 < found.latency_ms < 100
    assert found.ratio_low <= found.ratio <= found.ratio_high
    assert 0 < found.core_share <= 1
    assert found.runtime.startswith("onnxruntime ")
    assert found.device
