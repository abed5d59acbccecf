"""Reading that gets nowhere is given up; reading that is slow is not."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from nas.data import _load, load_data
from nas.data._stall import unless_stalled
from nas.errors import DataError

watched = partial(unless_stalled, limit_s=0.3, poll_s=0.05)


def test_what_was_read_is_handed_on() -> None:
    assert unless_stalled(lambda: "images", "the data") == "images"


def test_an_error_is_raised_as_it_is() -> None:
    def fail() -> None:
        raise DataError("no such images")

    with pytest.raises(DataError, match=r"^no such images$"):
        unless_stalled(fail, "the data")


def test_reading_that_waits_for_ever_is_given_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(DataError, match=r"^the data: nothing could be read of it for 0\.3 s; is"):
        watched((tmp_path / "pipe").read_bytes, "the data")


def test_slow_reading_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte at a time, for far longer in all than it may stand still."""
    (tmp_path / "file").write_bytes(b"x" * 20)
    now_s = 0.0

    def crawl() -> bytes:
        nonlocal now_s
        found = b""
        with (tmp_path / "file").open("rb", buffering=0) as file:
            while byte := file.read(1):
                found += byte
                now_s += 0.2
                time.sleep(0.02)
        return found

    monkeypatch.setattr("nas.data._stall.time.monotonic", lambda: now_s)
    assert unless_stalled(crawl, "x", limit_s=0.3, poll_s=0.01) == b"x" * 20
    assert now_s > 3


def test_computing_is_progress() -> None:
    def compute() -> int:
        until_s = time.thread_time() + 0.5
        while time.thread_time() < until_s:
            pass
        return 7

    # So long a limit only for machines on which a thread does not get its turn.
    assert unless_stalled(compute, "x", limit_s=20, poll_s=0.01) == 7


@pytest.mark.parametrize("kind", ["npz", "idx"])
def test_data_on_a_dead_mount_end_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A read that blocks in the kernel, as that of a server which is gone."""
    os.mkfifo(tmp_path / "pipe")
    np.savez(tmp_path / "a.npz", images=np.zeros((9, 8, 8), np.uint8), labels=np.arange(9) % 3)

    def block(*_: object, **__: object) -> None:
        (tmp_path / "pipe").read_bytes()

    monkeypatch.setattr(_load, "unless_stalled", watched)
    monkeypatch.setattr(_load, "read_npz" if kind == "npz" else "read_known", block)
    name = str(tmp_path / "a.npz") if kind == "npz" else "fashion_mnist"
    with pytest.raises(DataError, match="nothing could be read of it for"):
        load_data(name)
