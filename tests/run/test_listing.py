"""Lists of runs: a damaged one is a row, and hides no other."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from nas.errors import RunFolderError
from nas.run import list_lines, list_runs, list_summaries, open_run
from nas.run._open import last_written
from tests.run.published import BEST_FINAL, copy_published, search_for

if TYPE_CHECKING:
    from pathlib import Path

DAMAGES = {
    "journal": "study.journal: the study's journal cannot be read: it holds no study named",
    "document": "search.json: is damaged: ",
    "space": "space.yaml: cannot be read: No such file",
    "final": "final.json: is damaged: members: Field required",
    "nothing": "not a run folder: search.json is missing",
}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with one whole run, one damaged in each way, and a folder that is no run."""
    folder = tmp_path / "runs"
    copy_published(folder / "whole")
    for name in DAMAGES:
        copy_published(folder / name)
    (folder / "journal" / "study.journal").write_bytes(b"")
    (folder / "document" / "search.json").write_text("{\n")
    (folder / "space" / "space.yaml").unlink()
    (folder / "final" / "final" / "final.json").write_text("{}")
    (folder / "nothing" / "search.json").unlink()
    (folder / "pictures").mkdir()
    return folder


def test_every_run_is_listed_whatever_state_it_is_in(runs: Path) -> None:
    lines = {one.path.name: one for one in list_lines(runs)}
    summaries = {one["run"]: one for one in list_summaries(runs)}

    assert lines.keys() == {"whole", *DAMAGES}
    assert summaries.keys() == {str(runs / name) for name in lines}
    for name, said in DAMAGES.items():
        assert lines[name].state == summaries[str(runs / name)]["state"] == "damaged"
        assert said in lines[name].reason
        assert said in summaries[str(runs / name)]["error"]
        assert ";" not in lines[name].reason
    whole = lines["whole"]
    assert (whole.state, whole.error, whole.evaluated) == ("finished", "", 200)
    assert (whole.score, whole.best, whole.final) == ("accuracy", "88.36 %", "91.71 %")
    summary = summaries[str(runs / "whole")]
    assert (summary["score"], summary["best"]) == ("accuracy", 0.8836)
    assert summary["best_final"]["id"] == BEST_FINAL
    assert round(summary["best_final"]["test"], 4) == 0.9171


def test_links_that_lead_nowhere_hide_no_run(tmp_path: Path) -> None:
    for name in ("one", "two"):
        copy_published(tmp_path / name)
    (tmp_path / "one" / "study.journal.lock").symlink_to("run/study.journal")

    assert {one.path.name for one in list_lines(tmp_path)} == {"one", "two"}
    assert {one.path.name for one in list_runs(tmp_path)} == {"one", "two"}
    assert last_written(tmp_path / "gone") == 0.0


def test_best_is_of_the_score_that_was_searched_for(tmp_path: Path) -> None:
    run = copy_published(tmp_path / "runs" / "run")
    search_for(run, "balanced_accuracy")
    best = max(one.scores.custom["balanced_accuracy"] for one in open_run(run).front())
    (line,), (summary,) = list_lines(tmp_path / "runs"), list_summaries(tmp_path / "runs")

    assert (line.score, line.best) == ("balanced", f"{100 * best:.2f} %")
    assert line.final == "91.71 % accuracy", "full training was judged by another score"
    assert (summary["score"], summary["best"]) == ("balanced_accuracy", best)


def test_before_full_training_there_is_no_final_figure(tmp_path: Path) -> None:
    run = copy_published(tmp_path / "runs" / "run")
    shutil.rmtree(run / "final")

    assert [one.final for one in list_lines(tmp_path / "runs")] == [""]
    assert [one["best_final"] for one in list_summaries(tmp_path / "runs")] == [None]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for listed in (list_lines, list_summaries):
        with pytest.raises(RunFolderError, match=r"nowhere: no such folder; .*`nas search`"):
            listed(tmp_path / "nowhere")
    assert list_lines(tmp_path) == ()
    assert list_summaries(tmp_path) == []
