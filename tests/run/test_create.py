from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nas.errors import DataError, OptionError, RunFolderError, StorageError
from nas.metrics import Limit
from nas.run import SearchSettings, _create, create_run, open_run, search

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nas.run import Run

    MakeSession = Callable[..., Run]
    MakeSettings = Callable[..., SearchSettings]


def test_a_session_opened_again_is_the_one_created(
    make_session: MakeSession, tmp_path: Path
) -> None:
    session = make_session(limits=(Limit(name="params", maximum=600),))
    again = open_run(tmp_path / "run")

    assert again.settings == session.settings
    assert again.box == session.box
    assert again.facts == session.facts
    assert again.address == session.address
    assert again.problem.limits == session.problem.limits
    assert again.problem.space.genes == session.problem.space.genes
    assert again.problem.space.name == session.problem.space.name == "small"
    assert again.problem.input_shape == (1, 8, 8)


def test_a_limit_of_accuracy_bounds_what_counts_in_reports_and_on_the_ladder(
    make_session: MakeSession,
) -> None:
    session = make_session(limits=(Limit(name="accuracy", minimum=0.75),))

    assert session.worst[0] == -0.75
    assert make_session("unbounded").worst[0] == pytest.approx(-1 / 3)


def test_the_folder_keeps_the_space_as_searched(make_session: MakeSession) -> None:
    session = make_session(overrides=("stages.0.depth=1",))
    genes = [gene.name for gene in open_run(session.folder.path).problem.space.genes]

    assert "stages.0.depth" not in genes
    assert len(genes) == 6
    assert "depth: 1" in (session.folder.path / "space.yaml").read_text()


def test_the_facts_are_those_of_the_data(make_session: MakeSession) -> None:
    session = make_session()
    facts = session.folder.read_json("search.json")["facts"]

    assert facts["input_shape"] == [1, 8, 8]
    assert facts["num_classes"] == 3
    assert session.folder.read_json("environment.json")["packages"]["optuna"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"space": "lru_vgnt"}, "did you mean 'lru_vgnet'"),
        ({"data": "fashion_mnst"}, "did you mean 'fashion_mnist'"),
        ({"objectives": ("acuracy",)}, "did you mean 'accuracy'"),
        ({"limits": (Limit(name="params", maximum=10),)}, "raise the limit"),
        ({"storage": "sqlite:////proc/none/x.db"}, "unable to open database file"),
    ],
)
def test_where_anything_is_wrong_nothing_is_written(
    settings: MakeSettings, tmp_path: Path, changed: dict[str, object], error: str
) -> None:
    with pytest.raises((OptionError, DataError, StorageError, Exception), match=error):
        create_run(settings(**changed), tmp_path / "run")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["create_study", "write_data", "write_search"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_whatever_ends_it_early_no_half_made_folder_stays(
    settings: MakeSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    error: type[BaseException],
) -> None:
    def end(*given: object) -> None:
        raise error

    monkeypatch.setattr(_create, place, end)
    with pytest.raises(error):
        create_run(settings(), tmp_path / "run")

    assert list(tmp_path.iterdir()) == []


def test_a_limit_that_is_no_share_is_a_mistake(
    npz: Path, space_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="`limits` accuracy 90: write a share"):
        search(space_file, data=npz, limits={"accuracy": 90}, out=tmp_path / "run")

    assert list(tmp_path.iterdir()) == []


def test_a_study_of_that_name_elsewhere_is_not_taken_over(
    settings: MakeSettings, tmp_path: Path
) -> None:
    storage = f"sqlite:///{tmp_path / 'studies.db'}"
    create_run(settings(storage=storage), tmp_path / "one" / "small")
    with pytest.raises(StorageError, match="name another folder with `out`"):
        create_run(settings(storage=storage), tmp_path / "two" / "small")

    assert not (tmp_path / "two" / "small").exists()


def test_another_format_is_refused(make_session: MakeSession) -> None:
    session = make_session()
    document = session.folder.read_json("search.json")
    session.folder.write_json("search.json", document | {"format": 7})
    with pytest.raises(RunFolderError, match=r"another version of nas \(format 7, this one reads"):
        open_run(session.folder.path)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"format": 2}', '{"format": 1, "settings": {}}']
)
def test_a_damaged_record_of_the_search_is_refused(
    make_session: MakeSession, content: str
) -> None:
    session = make_session()
    (session.folder.path / "search.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"is damaged|another version"):
        open_run(session.folder.path)


@pytest.mark.parametrize("name", ["search.json", "space.yaml"])
def test_a_missing_file_is_named(make_session: MakeSession, name: str) -> None:
    session = make_session()
    (session.folder.path / name).unlink()
    with pytest.raises(RunFolderError, match=name):
        open_run(session.folder.path)


def test_settings_are_kept_in_plain_json(make_session: MakeSession) -> None:
    session = make_session()
    text = (session.folder.path / "search.json").read_text()

    assert json.loads(text)["settings"]["budget"] == 6
