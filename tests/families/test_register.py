"""`nas.register` of a block family: it is a plug-in then, for run folders and workers too."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

import nas
from nas.components import Block, Family
from nas.errors import OptionError, PluginError
from nas.families import FAMILIES, keep_plugins, load_plugin, loaded_plugins
from nas.final._folder import TrainingFolder
from tests.families.test_plugins import GOOD, PLUGIN

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


@pytest.fixture
def blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module beside a user's program, imported there."""
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module(written(tmp_path, "blocks_of_mine"))


def written(folder: Path, name: str) -> str:
    """A file whose names are like no other's; its module."""
    own = {"module": f"Of_{name}", "kind": f"kind_{name}", "name": name}
    (folder / f"{name}.py").write_text(PLUGIN.format(**(GOOD | own)), encoding="utf-8")
    return name


def test_a_registered_family_is_kept_with_its_text(blocks: ModuleType, tmp_path: Path) -> None:
    nas.register(blocks.FAMILY)
    nas.register(blocks.FAMILY)  # again: nothing happens

    assert FAMILIES["blocks_of_mine"] is blocks.FAMILY
    (tmp_path / "run").mkdir()
    keep_plugins(TrainingFolder(tmp_path / "run"))
    (kept,) = json.loads((tmp_path / "run" / "plugins.json").read_text())
    text = (tmp_path / "blocks_of_mine.py").read_text()
    assert (kept["module"], kept["text"]) == ("blocks_of_mine", text)


def test_a_package_is_kept_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package_of_mine"
    package.mkdir()
    written(package, "wide")
    (package / "__init__.py").write_text("from package_of_mine.wide import FAMILY\n")
    monkeypatch.syspath_prepend(tmp_path)
    nas.register(importlib.import_module("package_of_mine").FAMILY)

    plugin = loaded_plugins()[-1]
    assert (plugin.module, plugin.text) == ("package_of_mine.wide", None)


def test_a_plug_in_may_register_its_own_family(tmp_path: Path) -> None:
    path = tmp_path / f"{written(tmp_path, 'of_itself')}.py"
    path.write_text(path.read_text() + "import nas\n\nnas.register(FAMILY)\n")
    (family,) = load_plugin(str(path))

    assert FAMILIES["of_itself"] is family
    assert loaded_plugins()[-1].text == path.read_text()


def test_names_that_are_taken_are_refused() -> None:
    with pytest.raises(PluginError, match="'lru': a family of that name is there already"):
        nas.register(replace(FAMILIES["lru"]))
    nas.register(FAMILIES["lru"])  # ours themselves: nothing to do
    assert "lru" not in {plugin.module for plugin in loaded_plugins()}


def test_what_is_nothing_to_register_is_refused() -> None:
    with pytest.raises(OptionError, match="a Metric, a Family, or a name and a loader"):
        nas.register(nas.Metric)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nowhere(Block):
    kind = "nowhere"


def test_what_no_other_process_finds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    family = Family(name="nowhere", options=(Nowhere,), modules=__name__)
    with pytest.raises(PluginError, match=f"not offered by {__name__}, where workers .* FAMILY"):
        nas.register(family)
    monkeypatch.setattr(Nowhere, "__module__", "__main__")
    with pytest.raises(PluginError, match=r"in a notebook .* into a file of its own"):
        nas.register(family)
    assert "nowhere" not in FAMILIES
