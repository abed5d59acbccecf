"""A run does not depend on where it is driven from, nor on data that have changed since."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from nas.cli import app
from nas.errors import DataError, UserError
from nas.run import WorkerConfig, create_run, open_run, run_search
from nas.search._journal import Journal
from nas.trial import Fidelity
from tests.search.small import pretending

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.run import Run, SearchSettings

    Settings = Callable[..., SearchSettings]

LOCAL = WorkerConfig(workers="local")


@pytest.fixture
def begun(settings: Settings, npz: Path, tmp_path: Path) -> Run:
    """A search of data of its own, one network trained."""
    shutil.copy(npz, tmp_path / "own.npz")
    full = Fidelity(epochs=1, train_images=6_000)
    given = settings(data=str(tmp_path / "own.npz"), budget=1, fidelity=full)
    run = create_run(given, tmp_path / "run").run
    run_search(run, LOCAL)
    return run


def rewrite(path: Path, **changed: np.ndarray) -> None:
    with np.load(path) as there:
        np.savez(path, **dict(there) | changed)


def test_other_data_are_no_part_of_an_export(begun: Run, tmp_path: Path) -> None:
    """Class names, mean and deviation would be theirs; code and weights need none of them."""
    rewrite(tmp_path / "own.npz", labels=np.arange(90) % 2)

    with pytest.raises(UserError, match=r"not what this search began with .*`code_only`"):
        open_run(begun.path).export("best")
    assert not (begun.path / "export").exists()
    (files,) = open_run(begun.path).export("best", code_only=True)
    assert files.module.exists()


def test_the_same_data_elsewhere_go_on(begun: Run, tmp_path: Path) -> None:
    (tmp_path / "own.npz").rename(tmp_path / "moved.npz")

    with pytest.raises(DataError, match="no such file"):
        open_run(begun.path).resume(budget=2, workers="local")
    run = open_run(begun.path, data=str(tmp_path / "moved.npz")).resume(budget=2, workers="local")
    assert run.num_evaluated == 2
    assert open_run(begun.path).settings.data == str(tmp_path / "moved.npz")


@pytest.mark.parametrize("budget", [None, 2])
def test_data_are_looked_for_where_they_were_found_last(
    settings: Settings, npz: Path, tmp_path: Path, budget: int | None
) -> None:
    shutil.copy(npz, tmp_path / "own.npz")
    run = create_run(settings(data=str(tmp_path / "own.npz"), budget=1), tmp_path / "run").run
    moved = (tmp_path / "own.npz").rename(tmp_path / "moved.npz")
    open_run(run.path, data=str(moved)).resume(budget=budget, workers="local")

    assert open_run(run.path).settings.data == str(moved)
    assert open_run(run.path).resume(budget=3, workers="local").num_evaluated == 3


def test_other_data_are_not_kept(begun: Run, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "own.npz", tmp_path / "other.npz")
    rewrite(tmp_path / "other.npz", labels=np.arange(90) % 2)
    document = (begun.path / "search.json").read_bytes()
    for other in ("other.npz", "nowhere.npz"):
        with pytest.raises(UserError, match=r"not what this search began with|no such file"):
            open_run(begun.path, data=str(tmp_path / other)).resume(budget=2, workers="local")

    assert (begun.path / "search.json").read_bytes() == document


def test_a_driver_that_joins_keeps_its_place_to_itself(begun: Run, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "own.npz", tmp_path / "here.npz")
    joined = open_run(begun.path, data=str(tmp_path / "here.npz"))
    joined.resume(budget=2, workers="local", join=True)

    kept = open_run(begun.path).settings
    assert (kept.data, kept.budget) == (str(tmp_path / "own.npz"), 2)


def test_a_run_does_not_depend_on_the_working_directory(
    settings: Settings, npz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(npz, tmp_path / "own.npz")
    monkeypatch.chdir(tmp_path)
    given = settings(data="own.npz", storage="sqlite:///studies.db", budget=1)
    create_run(given, tmp_path / "run")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    run = open_run("../run").resume(workers="local")
    run.report()
    assert run.num_evaluated == 1
    assert list(elsewhere.iterdir()) == []


def test_the_lock_of_a_relative_run_lies_beside_its_journal(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    create_run(settings(budget=1), Path("run"))
    journal = tmp_path / "run" / "study.journal"
    plain, seen = Journal.append, []

    def append(self: Journal, lines: list[str]) -> None:
        seen.append(journal.with_name("study.journal.lock").is_file())
        plain(self, lines)

    monkeypatch.setattr(Journal, "append", append)
    run_search(open_run("run"), LOCAL, factory=pretending)

    assert set(seen) == {True}


def test_reading_a_study_that_is_gone_makes_no_database(
    settings: Settings, tmp_path: Path
) -> None:
    database = tmp_path / "studies.db"
    run = create_run(settings(storage=f"sqlite:///{database}"), tmp_path / "run").run
    database.unlink()

    for look in (run.report, run.trials, lambda: run.resume(workers="local")):
        with pytest.raises(UserError, match="cannot be opened: No such file"):
            look()
    assert not database.exists()


def test_a_journal_s_run_takes_no_other_storage(begun: Run) -> None:
    with pytest.raises(
        UserError, match=r"^`storage` postgresql://ann:\*\*\*@h/db: the study of .*"
    ):
        open_run(begun.path, storage="postgresql://ann:sesame@h/db")


def test_a_claim_says_how_many_images_there_were(begun: Run) -> None:
    (files,) = begun.export("best")

    # An epoch of 6,000 images is asked for; there are 63 to train with.
    assert begun.facts.train_images == 63
    text = " ".join(files.module.read_text().split())
    assert "after a proxy training of about 95 passes over 63 images" in text
    assert "6,000" not in text


def test_an_export_finds_data_that_were_moved(
    settings: Settings, npz: Path, tmp_path: Path
) -> None:
    shutil.copy(npz, tmp_path / "own.npz")
    create_run(settings(data=str(tmp_path / "own.npz"), budget=1), tmp_path / "run")
    run = open_run(tmp_path / "run").resume(workers="local")
    (tmp_path / "own.npz").rename(tmp_path / "moved.npz")

    with pytest.raises(UserError, match="`code_only`"):
        run.export("best")
    words = ["export", str(run.path), "--data", str(tmp_path / "moved.npz"), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0
    assert Path(json.loads(done.stdout)[0]["files"]["card"]).exists()


def test_passwords_are_in_no_file_of_the_run(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nas.run import _create

    monkeypatch.setattr("sys.argv", ["nas", "search", "--storage=postgresql://ann:sesame@h/db"])
    monkeypatch.setattr(_create, "create_study", lambda address, objectives: None)
    run = create_run(settings(storage="postgresql://ann:sesame@h/db"), tmp_path / "run").run

    assert run.address.url == "postgresql://ann:sesame@h/db"
    assert "sesame" not in str(run.address)
    for path in run.path.iterdir():
        assert path.is_dir() or b"sesame" not in path.read_bytes(), path
    assert "sesame" not in repr(run)
    monkeypatch.setenv("NAS_STORAGE_PASSWORD", "sesame")
    assert open_run(run.path).address.url == "postgresql://ann:sesame@h/db"


def test_a_new_search_takes_its_password_from_the_environment(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nas.run import _create

    opened: list[str | None] = []
    monkeypatch.setattr(
        _create, "create_study", lambda address, objectives: opened.append(address.url)
    )
    monkeypatch.setenv("NAS_STORAGE_PASSWORD", "sesame")
    run = create_run(settings(storage="postgresql://ann@h/db"), tmp_path / "run").run

    assert opened == [run.address.url] == ["postgresql://ann:sesame@h/db"]
    assert run.settings.storage == "postgresql://ann@h/db"
    for path in run.path.iterdir():
        assert path.is_dir() or b"sesame" not in path.read_bytes(), path
