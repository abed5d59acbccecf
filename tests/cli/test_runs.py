"""`nas runs`: on every terminal, whatever state the runs are in."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.run.published import copy_published

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended

    Nas = Callable[..., Ended]

LONG = "lru_vgnet-with-a-rather-long-name-20260101-120000"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    copy_published(folder / LONG)
    copy_published(folder / "broken")
    (folder / "broken" / "study.journal").write_bytes(b"")
    return folder


@pytest.mark.parametrize("columns", [24, 40, 80, 200])
def test_nothing_is_cut_on_any_terminal(
    nas: Nas, runs: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    ended = nas("runs", runs)

    assert (ended.status, ended.err) == (0, "")
    assert "…" not in ended.out
    shown = ended.out.replace("\n", "") if columns < len(LONG) else ended.out
    for words in (LONG, "finished", "200/200", "accuracy", "88.36 %", "91.71 %", "44"):
        assert words in shown
    assert "best: the score on validation images after the search's short training" in ended.out
    told = f"broken: damaged: {runs / 'broken' / 'study.journal'}: the study's journal cannot be"
    assert told in ended.out
    assert "it holds no study named" in ended.out
    rows = ended.out.partition("\nbroken: damaged")[0].splitlines()[1:]
    assert all(len(row) <= columns for row in rows)


def test_a_damaged_run_is_a_record_of_its_own(nas: Nas, runs: Path) -> None:
    ended = nas("runs", runs, "--json")
    found = {one["run"]: one for one in json.loads(ended.out)}

    assert ended.status == 0
    assert found[str(runs / "broken")]["state"] == "damaged"
    assert "holds no study" in found[str(runs / "broken")]["error"]
    assert (found[str(runs / LONG)]["score"], found[str(runs / LONG)]["best"]) == (
        "accuracy",
        0.8836,
    )


def test_a_folder_without_runs_is_said_and_one_that_is_missing_refused(
    nas: Nas, runs: Path
) -> None:
    empty, nowhere = nas("runs", runs.parent), nas("runs", runs / "nowhere")
    itself = nas("runs", runs / LONG)

    assert (empty.status, empty.out.splitlines()[-1]) == (0, f"No runs in {runs.parent}.")
    assert nowhere.status == 2
    assert "nowhere: no such folder; name the one that holds your run folders" in nowhere.err
    assert f"it is a run itself; `nas report {runs / LONG}` shows it" in itself.out


def test_an_export_names_what_is_wrong_with_the_final_front(nas: Nas, runs: Path) -> None:
    run = runs / LONG
    (run / "final" / "final.json").rename(run / "kept.json")
    (run / "final" / "final.json").write_text("{}")
    damaged = nas("export", run, "--code-only")
    (run / "kept.json").rename(run / "final" / "final.json")
    shutil.rmtree(run / "final" / "networks")
    missing = nas("export", run, "--code-only")

    assert (damaged.status, missing.status) == (2, 2)
    assert "final.json: is damaged: members: Field required" in damaged.err
    assert f"{run / 'final' / 'networks'}: this folder is missing" in missing.err
    for ended in (damaged, missing):
        assert f"away and train anew with `nas train {run}`" in ended.err
        assert "--proxies" in ended.err
