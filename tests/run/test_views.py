"""The report of a run folder: every view, several runs in one page, and a search that goes on."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.run import (
    Run,
    documents_of,
    open_run,
    run_search,
    watch,
    write_comparison,
    write_views,
)
from nas.search import _studies
from tests.run.conftest import LOCAL
from tests.run.test_ladder import FULL, LADDER
from tests.run.test_ladder import run as climb
from tests.search.small import pretending

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.search import Problem, StorageAddress
    from nas.search._store import StoredTrial

    MakeSession = Callable[..., Run]

PUBLISHED = Path(__file__).parents[2] / "results" / "lru_vgnet_200"


def test_the_published_run_opens_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(PUBLISHED, folder, ignore=shutil.ignore_patterns("export", "*.png", "*.html"))
    page = write_views(open_run(folder))
    assert page.stat().st_size < 500_000
    report = json.loads((folder / "report.json").read_text())
    assert len(report["networks"]) == 200
    front = [report["networks"][place] for place in report["front"]]
    assert [one["trial"] for one in front[:2]] == [173, 183]
    assert (folder / "trials.csv").read_text().count("\n") == 201


def test_a_copy_of_the_page_goes_where_it_is_asked_for(
    make_session: MakeSession, tmp_path: Path
) -> None:
    session = searched(make_session, "run", budget=3)
    page = tmp_path / "elsewhere.html"
    session.report(page)
    assert page.stat().st_size > 50_000
    assert (session.path / "report.html").exists()
    page.unlink()
    told: list[Path] = []
    watch(lambda: open_run(session.path), told.append, copy=page)
    assert told == [page]
    assert page.exists()


def test_a_report_reads_the_study_once(
    make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand trials take seconds to read; and what it shows is of one moment."""
    session = searched(make_session, "run", budget=3)
    read, num_read = _studies._read, 0

    def counted(problem: Problem, address: StorageAddress) -> tuple[StoredTrial, ...]:
        nonlocal num_read
        num_read += 1
        return read(problem, address)

    monkeypatch.setattr(_studies, "_read", counted)
    session.report()
    assert num_read == 1


def searched(make_session: MakeSession, name: str, **changed: object) -> Run:
    """A finished search whose trainings are pretended."""
    session = make_session(name, **changed)
    run_search(session, LOCAL, factory=pretending)
    return session


def test_a_finished_run_is_told_in_every_view(make_session: MakeSession) -> None:
    session = searched(make_session, "run", budget=9)
    path = write_views(session)
    assert path == session.folder.path / "report.html"
    (document,) = documents_of([session])
    assert document.count("complete") == 9
    assert not document.live
    assert document.progression[-1].networks == 9
    assert document.hypervolume == pytest.approx(session.report().hypervolume)


def test_a_ladder_is_told_rung_by_rung(
    make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.report._analysis.MIN_NETWORKS", 3)
    session = searched(make_session, "run", budget=40, fidelity=FULL, ladder=LADDER)
    (document,) = documents_of([session])
    assert len(document.trainings) == 3
    assert document.count("pruned") > 0
    pruned = [one for one in document.networks if one.state == "pruned"]
    assert all(1 <= len(one.rungs) <= 2 for one in pruned)
    # Pretended scores follow from the network alone, so that rungs agree exactly.
    assert [one.tau for one in document.agreements] == pytest.approx(
        [1.0] * len(document.agreements)
    )
    assert document.agreements


def test_what_waits_on_a_rung_is_shown_as_pruned_so_far(make_session: MakeSession) -> None:
    session = make_session("run", budget=20, fidelity=FULL, ladder=LADDER)
    climb(session, Counter(), stop_after=9)
    (document,) = documents_of([session])
    assert document.count("pruned") > sum(one.state == "pruned" for one in session.trials())
    assert document.count("pruned") + document.count("complete") >= 5
    times = [one.seconds for one in document.progression]
    assert times == sorted(times)


def test_runs_with_equal_aims_are_measured_in_one_box(
    make_session: MakeSession, tmp_path: Path
) -> None:
    one = searched(make_session, "one", budget=6)
    two = searched(make_session, "two", budget=6, seed=5)
    apart = [documents_of([run])[0].hypervolume for run in (one, two)]
    together = documents_of([one, two])
    assert len({id(session.box) for session in (one, two)}) == 2
    for alone, shared in zip(apart, together, strict=True):
        assert shared.hypervolume == pytest.approx(alone, abs=0.05)
    write_comparison(tmp_path / "compare.html", [one, two])
    assert "2 searches compared" in (tmp_path / "compare.html").read_text()


def test_watching_ends_with_the_search(make_session: MakeSession) -> None:
    """While somebody holds the run's lock the page loads itself again; then it is left alone."""
    session = searched(make_session, "run", budget=6)
    path, seen = session.folder.path, []

    def reopen() -> Run:
        seen.append((path / "report.html").exists())
        if len(seen) == 3:
            held.close()
        return open_run(path)

    with (path / "run.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        told: list[Path] = []
        watch(reopen, told.append, every_s=0)
    assert seen == [False, True, True]
    assert told == [path / "report.html"]
