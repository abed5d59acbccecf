"""`nas report` and `nas export` on runs in every state."""

from __future__ import annotations

import csv
import json
import multiprocessing
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.run import SearchSettings, WorkerConfig, create_run, open_run, run_search
from nas.trial import Fidelity
from tests.run.killed_search import search_slowly
from tests.search.small import pretending

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.run import Run
    from tests.cli.conftest import Ended

    Nas = Callable[..., Ended]

PUBLISHED = Path(__file__).parents[2] / "results" / "lru_vgnet_200"


@pytest.fixture
def session(search_words: list[str], tmp_path: Path) -> Run:
    """A search that has not begun."""
    settings = SearchSettings(
        space=str(tmp_path / "small.yaml"),
        data=str(tmp_path / "steps.npz"),
        budget=12,
        sampler="evolution",
        objectives=("accuracy", "params"),
        fidelity=Fidelity(epochs=1),
        study="run",
        task_timeout_s=60.0,
    )
    return create_run(settings, tmp_path / "run").run


def evaluate(session: Run) -> None:
    run_search(session, WorkerConfig(workers="local"), factory=pretending)


def test_a_report_on_a_run_that_has_not_begun(nas: Nas, session: Run) -> None:
    ended = nas("report", session.folder.path)

    assert (ended.status, ended.err) == (0, "")
    assert "0 networks trained, 0 on the front, hypervolume 0.0000; 0 failed." in ended.out


@pytest.mark.usefixtures("whole_pictures")
def test_a_report_on_a_run_that_is_done(nas: Nas, session: Run) -> None:
    evaluate(session)
    ended = nas("report", session.folder.path)
    with (session.folder.path / "front.csv").open() as file:
        front = list(csv.DictReader(file))

    assert ended.status == 0
    assert f"12 networks trained, {len(front)} on the front, " in ended.out
    for row in front:
        assert row["arch_id"] in ended.out
    assert (session.folder.path / "front.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_goes_where_it_is_asked_for(nas: Nas, session: Run, tmp_path: Path) -> None:
    evaluate(session)
    page = tmp_path / "there.html"
    ended = nas("report", session.folder.path, "--out", page)

    assert ended.status == 0
    assert f"Page: {page}" in ended.out
    assert page.read_text().startswith("<!doctype html>")
    knee = session.pick("knee")[0].arch_id
    assert f"{knee} as PyTorch code and weights: the knee of the front, with" in ended.out
    refused = nas("report", session.folder.path, "--out", tmp_path / "absent" / "there.html")
    assert refused.status == 2
    assert "choose another --out" in refused.err


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published run, with its final front."""
    folder = tmp_path_factory.mktemp("published") / "run"
    return Path(shutil.copytree(PUBLISHED, folder, ignore=shutil.ignore_patterns("report.html")))


def test_a_report_names_what_an_export_takes_of_a_final_front(nas: Nas, trained: Path) -> None:
    best, knee = (open_run(trained).pick(which)[0].arch_id for which in ("best", "knee"))
    ended = nas("report", trained)

    assert (ended.status, ended.err) == (0, "")
    search, final = ended.out.split("Final front: 6 of 6 finalists")
    lines = {line.split()[0]: line for line in final.splitlines() if line.split()}
    assert lines[best].rstrip().endswith("yes, best")
    assert lines[knee].rstrip().endswith("yes, knee")
    assert "91.80 ± 0.35" in lines[best]
    assert "proxy best" in search
    assert "They are proxies: trained for 2 epochs over 12,000 images" in search
    assert f"{knee} as PyTorch code and weights: the knee of the final front" in final


def test_json_has_the_final_front_beside_the_proxies(nas: Nas, trained: Path) -> None:
    told = json.loads(nas("report", trained, "--json").out)
    best, knee = (open_run(trained).pick(which)[0].arch_id for which in ("best", "knee"))

    assert told["final"]["picks"] == {"best": best, "knee": knee}
    assert len(told["final"]["members"]) == 6
    assert told["picks"]["best"] != best


def test_a_damaged_final_front_hides_nothing_else(nas: Nas, trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    (run / "final" / "final.json").write_text("{")
    ended = nas("report", run)

    assert ended.status == 0
    assert "200 networks trained, 44 on the front" in ended.out
    assert f"The final front is left out here: {run}/final/final.json: " in ended.out
    assert f"nas export {run} --pick knee --proxies" in ended.out


def test_a_report_on_a_run_under_way_disturbs_nothing(
    nas: Nas, session: Run, tmp_path: Path
) -> None:
    forks = multiprocessing.get_context("forkserver")
    process = forks.Process(
        target=search_slowly, args=(session.folder.path, tmp_path / "trained", 0.1)
    )
    process.start()
    while not (tmp_path / "trained").exists():
        time.sleep(0.02)
    reports = []
    while process.is_alive():
        reports.append(nas("report", session.folder.path))
    process.join()

    assert process.exitcode == 0
    assert reports
    assert all((ended.status, ended.err) == (0, "") for ended in reports)
    assert len((tmp_path / "trained").read_text().splitlines()) == 12
    assert "12 networks trained" in nas("report", session.folder.path).out


def test_an_export_before_anything_was_trained_says_what_to_do(nas: Nas, session: Run) -> None:
    ended = nas("export", session.folder.path)

    assert ended.status == 2
    assert "no network has been evaluated yet; continue the search with `nas resume" in ended.err


def test_exports_are_picked_by_name_or_id(
    nas: Nas, search_words: list[str], tmp_path: Path
) -> None:
    nas(*search_words)
    run = tmp_path / "run"
    with (run / "front.csv").open() as file:
        ids = [row["arch_id"] for row in csv.DictReader(file)]
    for pick, count in (("best", 1), ("knee", 1), ("all", len(ids)), (ids[0], 1)):
        ended = nas("export", run, "--pick", pick, "--out", tmp_path / pick, "--code-only")
        assert ended.status == 0
        # Module, weights, model file and record of each.
        assert ended.out.count("\n  ") == 4 * count
        assert len(list((tmp_path / pick).glob("*.py"))) == count

    twice = nas("export", f"{run}:{ids[0][:6]}", "--pick", "best")
    assert twice.status == 2
    assert "--pick best: " in twice.err
    assert "names a network already; leave one of them out" in twice.err
    assert nas("export", f"{run}:{ids[0][:6]}").status == 0
    made = {path.name.partition(".")[2] for path in (run / "export").iterdir()}
    assert made == {"py", "yaml", "json", "safetensors", "onnx", "int8.onnx", "pt2", "md"}


@pytest.mark.parametrize(
    ("pick", "message"),
    [("zzz", "no network on the front begins so"), ("", "several networks on the front begin so")],
)
def test_a_pick_that_is_none_is_refused(nas: Nas, session: Run, pick: str, message: str) -> None:
    evaluate(session)
    ended = nas("export", session.folder.path, "--pick", pick)

    assert ended.status == 2
    assert message in ended.err
    assert "write best, knee, all or an id from " in ended.err


@pytest.mark.parametrize("option", ["--watch", "--int8"])
def test_what_only_one_run_can_have_is_refused_for_several(
    nas: Nas, session: Run, option: str
) -> None:
    ended = nas("report", session.path, session.path, option)

    assert ended.status == 2
    assert ended.err == (
        f"nas: {option}: is for one run, and 2 are named; name one, or leave {option} out\n"
    )
    assert not (session.path / "compare.html").exists()


def test_a_repair_says_what_came_out_instead(nas: Nas, session: Run) -> None:
    evaluate(session)
    (worst, *_) = (member.arch_id for member in reversed(session.front()))
    ended = nas("repair", session.path)

    assert ended.status == 0
    assert f"Has no weights: {worst} comes out with accuracy 0." in ended.out
    assert "or train it in full: nas train " in ended.out


def test_weights_that_are_gone_are_named(nas: Nas, session: Run) -> None:
    evaluate(session)
    for path in (session.folder.path / "weights").iterdir():
        path.unlink()
    ended = nas("export", session.folder.path)

    assert ended.status == 2
    assert "the weights of this network cannot be read: No such file or directory" in ended.err


@pytest.mark.parametrize("verb", ["report", "export", "resume"])
def test_a_folder_that_is_no_run_is_refused(nas: Nas, tmp_path: Path, verb: str) -> None:
    assert "no such run folder" in nas(verb, tmp_path / "run").err
    ended = nas(verb, tmp_path)

    assert (ended.status, ended.err) == (
        2,
        f"nas: {tmp_path}: not a run folder: search.json is missing\n",
    )


def test_a_damaged_journal_is_refused_by_every_verb(nas: Nas, session: Run) -> None:
    evaluate(session)
    journal = session.folder.journal
    journal.write_bytes(b"\0\n" + journal.read_bytes())
    for verb in ("report", "export", "resume"):
        ended = nas(verb, session.folder.path)
        assert ended.status == 2
        assert "the study's journal cannot be read" in ended.err
    assert open_run(session.folder.path).settings == session.settings


@pytest.mark.parametrize("columns", [80, 200])
def test_the_front_in_int8(
    nas: Nas,
    search_words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert nas(*search_words).status == 0
    run = tmp_path / "run"
    ended = nas("report", run, "--int8")

    assert (ended.status, ended.err) == (0, "")
    ids = [line.split(",")[1] for line in (run / "front.csv").read_text().splitlines()[1:]]
    assert sorted(path.stem for path in (run / "int8").iterdir()) == sorted(ids)
    told = json.loads(nas("report", run, "--int8", "--json").out)
    assert [one["id"] for one in told["int8"]] == [one["id"] for one in told["front"]]
    assert all(Path(one["file"]).exists() for one in told["int8"])
    below = ended.out[ended.out.index("The front in int8") :]
    assert all(arch_id in below for arch_id in ids)
    assert "…" not in below
    assert str(run / "int8") in below
