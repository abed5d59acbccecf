"""Model files: names, paths, unreadable ones, and writing them."""

from __future__ import annotations

from pathlib import Path

import pytest

import nas.space
from nas.errors import ModelFileError
from nas.space import (
    catalogue,
    dump_architecture,
    find_model_file,
    load_architecture,
    load_space,
    parse_space,
)
from tests.space.small import FILE


def test_spaces_come_before_the_zoo() -> None:
    names = list(catalogue())
    assert names.index("lru_vgnet") < names.index("lrunet_14_1x")
    assert all(path.is_file() and path.stem == name for name, path in catalogue().items())


@pytest.mark.parametrize("name", catalogue())
def test_every_file_of_the_catalogue_is_legal_and_called_by_its_name(name: str) -> None:
    space = load_space(name)
    assert space.name == name
    assert space.description
    assert space.source.startswith("search_spaces/")
    if not space.is_open:
        assert load_architecture(name).name == name


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ModelFileError) as caught:
        find_model_file("lru_vgent")
    assert str(caught.value) == (
        "lru_vgent: no model file of that name, did you mean 'lru_vgnet'? "
        "(`nas spaces` lists them all; a path ending in .yaml names a file of your own)"
    )


@pytest.mark.parametrize("name", ["missing.yaml", "missing.yml", "some/where", "."])
def test_a_path_must_exist(name: str) -> None:
    with pytest.raises(ModelFileError, match=r"(no such model file|no model file of that name)"):
        find_model_file(name)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(FILE.removeprefix("name: example\n"), encoding="utf-8")
    space = load_space(str(path))
    assert (space.name, space.source) == ("mine", str(path))
    assert space.text == path.read_text(encoding="utf-8")


def test_a_directory_is_no_model_file(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ModelFileError, match="no such model file"):
        load_space(str(tmp_path / "folder.yaml"))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(ModelFileError, match=r"bad\.yaml: cannot be read: 'utf-8' codec"):
        load_space(str(path))


ZOO = [name for name, path in catalogue().items() if path.parent.name == "zoo"]


@pytest.mark.parametrize("name", ZOO)
def test_what_is_written_reads_as_the_same_network(name: str) -> None:
    arch = load_architecture(name)
    again = parse_space(dump_architecture(arch), source="again.yaml", name="again").decode(())
    assert again == arch
    assert again.id == arch.id


def test_spaces_need_no_torch() -> None:
    import subprocess
    import sys

    program = "import sys, nas.space; sys.exit('torch' in sys.modules)"
    root = Path(nas.space.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("runs/clothez", "runs/clothez: no such model file or run; .*`nas runs` lists runs"),
        ("runs/clothez:abc", "no such model file or run; .* runs/clothez is no run folder"),
        ("clothez:abc", "no such model file or run; .* clothez is no run folder"),
        ("runs/one", "runs/one: a run, not a model file; runs/one:ID names"),
        ("runs/mine.yaml", "runs/mine.yaml: no such model file; `nas spaces`"),
    ],
)
def test_what_may_have_been_meant_for_a_run_is_told_of_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "search.json").write_text("{}")

    with pytest.raises(ModelFileError, match=said):
        load_space(name)
