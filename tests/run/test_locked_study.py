"""A study whose lock another driver has and keeps, before a search of it begins."""

from __future__ import annotations

import fcntl
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from nas.errors import OutageError
from nas.run import WorkerConfig, open_run, run_search
from nas.search import _database_lock
from tests.search.small import pretending

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.run import Run


def test_a_search_that_finds_its_study_locked_says_how_to_go_on(
    make_session: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_session(budget=2, storage=f"sqlite:///{tmp_path / 'studies.db'}")
    pauses: list[float] = []
    clock = SimpleNamespace(sleep=pauses.append, monotonic=lambda: sum(pauses))
    monkeypatch.setattr(_database_lock, "time", clock)
    local = WorkerConfig(workers="local")
    with (tmp_path / "studies.db.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OutageError, match=r"`fuser .* finds it; .* go on with: nas resume "):
            run_search(open_run(run.path), local, factory=pretending)
    assert "waiting for another driver" in run.folder.read_text("log.txt")

    assert run_search(open_run(run.path), local, factory=pretending).evaluated == 2
