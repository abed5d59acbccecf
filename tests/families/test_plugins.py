"""Families from outside: how they are found, and what is refused before anything slow begins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import nas
from nas.errors import PluginError
from nas.families import FAMILIES, find_plugin, load_plugin
from nas.families._plugins import Plugin, families_of

ROOT = Path(nas.__file__).parents[1]
PLUGIN = '''
"""A convolution, as a plug-in."""

from dataclasses import dataclass

from torch import nn

from nas.components import Block, Family, call


class {module}(nn.Conv2d):
    """(B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels):
        super().__init__(channels, channels, 1)


@dataclass(frozen={frozen}, slots=True, kw_only=True)
class Mine({base}):
    """Mine."""

    kind = "{kind}"

    def call(self, slot):
        """Mine."""
        slot.require_same_shape(self.kind)
        return call("{module}", channels=slot.in_channels)


FAMILY = Family(name="{name}", options=(Mine,), modules={modules})
'''
GOOD = {
    "module": "MyConv",
    "frozen": "True",
    "base": "Block",
    "kind": "my_conv",
    "name": "mine",
    "modules": "__name__",
}


def written(folder: Path, **changes: str) -> Path:
    path = folder / "mine.py"
    path.write_text(PLUGIN.format(**(GOOD | changes)), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "lru"}, "a family of that name is there already"),
        ({"kind": "separable"}, "block 'separable' is there already"),
        ({"kind": "two words"}, "needs its name in model files"),
        ({"frozen": "False"}, "cannot be imported: TypeError: cannot inherit non-frozen"),
        ({"base": "object"}, "Mine must be a Stem, a Transition, a Block or a Head"),
        ({"module": "LruBlock"}, "the class name LruBlock is taken"),
        ({"modules": '"no.such.module"'}, "modules 'no.such.module': No module named 'no'"),
        ({"modules": "__name__, traces={'Other': print}"}, "no such class"),
        ({"name": 'x", wrong="'}, "cannot be imported: TypeError"),
    ],
)
def test_what_does_not_fit_the_grammar_is_refused(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(PluginError) as caught:
        load_plugin(str(path))
    assert "nas_plugin_mine" not in sys.modules
    assert str(caught.value).startswith(f"plug-in {path.resolve()}")
    assert message in str(caught.value)
    assert "mine" not in FAMILIES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 +", "SyntaxError"),
        ("import no_such_package", "No module named 'no_such_package'"),
        ("FAMILY = 3", "offers no families"),
        ("", "offers no families"),
    ],
)
def test_files_that_are_no_plugins(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(PluginError, match=message):
        load_plugin(str(path))
    assert "nas_plugin_broken" not in sys.modules


def test_names_that_are_nothing() -> None:
    with pytest.raises(PluginError, match="cannot be read: No such file"):
        load_plugin("no/such/file.py")
    with pytest.raises(PluginError, match="no_such_module: cannot be imported"):
        load_plugin("no_such_module")


def test_a_file_s_name_is_a_module_s(tmp_path: Path) -> None:
    path = tmp_path / "my-blocks.py"
    path.write_text("")
    with pytest.raises(PluginError, match="letters, digits and underscores"):
        load_plugin(str(path))


@pytest.mark.slow
def test_another_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    script = f"""
from nas.errors import PluginError
from nas.families import load_plugin
(family,) = load_plugin({str(first / "mine.py")!r})
assert load_plugin({str(first / "mine.py")!r}) == (family,)  # again: nothing happens
try:
    load_plugin({str(second / "mine.py")!r})
except PluginError as error:
    assert "another plug-in of that name is loaded" in str(error), error
else:
    raise AssertionError
"""
    for folder, kind in ((first, "my_conv"), (second, "your_conv")):
        folder.mkdir()
        written(folder, kind=kind)
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


@pytest.mark.slow
def test_a_file_that_was_refused_is_read_anew_once_it_is_corrected(tmp_path: Path) -> None:
    """As in a notebook, whose process goes on."""
    script = f"""
import sys
from nas.errors import PluginError
from nas.families import load_plugin
from pathlib import Path
file, good = Path({str(tmp_path / "mine.py")!r}), {PLUGIN.format(**GOOD)!r}
for wrong in ("1 +", "FAMILY = 3", good.replace('kind = "my_conv"', 'kind = "separable"')):
    file.write_text(wrong)
    try:
        load_plugin(str(file))
    except PluginError:
        assert "nas_plugin_mine" not in sys.modules, wrong
    else:
        raise AssertionError(wrong)
file.write_text(good)
(family,) = load_plugin(str(file))
assert family.options[0].kind == "my_conv"
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_a_plugin_loads_from_its_text_where_its_file_is_not(tmp_path: Path) -> None:
    """As in a worker on another machine; what it defines can be pickled and exported there."""
    plugin = find_plugin(str(written(tmp_path)))
    elsewhere = Plugin(plugin.module, plugin.text, "/gone/mine.py")
    script = f"""
import inspect, pickle, sys
from nas.families import Plugin, load_plugins
(family,) = load_plugins([{elsewhere!r}])
record = family.options[0](reuse=2)
assert pickle.loads(pickle.dumps(record)) == record
assert "class MyConv" in inspect.getsource(sys.modules[family.modules])
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_an_entry_point_is_found_by_the_name_in_a_model_file(tmp_path: Path) -> None:
    package = tmp_path / "mine_blocks.py"
    package.write_text(PLUGIN.format(**GOOD), encoding="utf-8")
    metadata = tmp_path / "mine_blocks-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mine-blocks\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[nas.families]\nmine = mine_blocks\n")
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from nas.errors import ModelFileError
from nas.families import find_plugin, loaded_plugins
from nas.space import parse_space
assert find_plugin("mine").module == "mine_blocks"
text = '''
stem: {{conv: {{channels: 8}}}}
stages: [{{channels: 8, block: my_conv}}]
head: gap_linear
'''
try:
    parse_space(text.replace("my_conv", "my_cone"), source="f.yaml", name="f")
except ModelFileError as error:
    assert "did you mean 'my_conv'?" in str(error), error
    assert " edge_conv, " in str(error) and "my_conv)" in str(error), error
arch = parse_space(text, source="f.yaml", name="f").decode(())
assert arch.stages[0].block.kind == "my_conv"
assert [plugin.module for plugin in loaded_plugins()] == ["mine_blocks"]
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_a_module_may_offer_several_families() -> None:
    class Module:
        FAMILIES = (FAMILIES["lru"], FAMILIES["mgic"])

    found = families_of(Module, Plugin("m"))  # type: ignore[arg-type]
    assert [family.name for family in found] == ["lru", "mgic"]
