"""One file, one thing of a name: what plug-ins call like something of ours is refused."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from nas.errors import PluginError
from nas.export import Inputs, check_exportable
from nas.export._emit import to_class_name
from nas.export._inputs import OWN_NAMES, usage_code
from nas.export._source import collect, take_apart
from nas.families import known_names

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """
{imported}
from torch import nn

{helper}

class Mine(nn.Module):
    def forward(self, x):
        return {used}
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a module with `Mine`, as if a plug-in had brought it, is to be written."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "clashing", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    take_apart.cache_clear()
    ours = known_names()
    monkeypatch.setattr(
        "nas.export._source.known_names",
        lambda: {**ours, "Mine": import_module("clashing").Mine},
    )
    return tmp_path / "clashing.py"


@pytest.mark.parametrize(
    ("imported", "helper", "used", "names"),
    [
        ("", "MEAN = 0.5", "x - MEAN", ["MEAN", "every exported file", "clashing"]),
        ("", "def load(x):\n    return x", "load(x)", ["load", "every exported file", "clashing"]),
        ("from math import prod as main", "", "main(x.shape)", ["main", "`from math import"]),
        ("", "def _mix(x):\n    return x", "_mix(x)", ["_mix", "nas.sharing", "clashing"]),
        ("", "Tensor = 1", "Tensor", ["Tensor", "`from torch import Tensor`", "clashing"]),
    ],
)
def test_what_ours_or_the_end_of_the_file_is_called_is_refused(
    plugin: Path, imported: str, helper: str, used: str, names: list[str]
) -> None:
    plugin.write_text(MODULE.format(imported=imported, helper=helper, used=used))
    with pytest.raises(PluginError) as caught:
        collect(["Ring", "generated", "Mine"])
    message = str(caught.value)
    assert message.startswith(f"exported code: {names[0]} is one thing in ")
    assert all(name in message for name in names)
    assert message.endswith("rename it in the plug-in")


@pytest.mark.parametrize(
    ("imported", "helper", "used"),
    [
        ("import torch.nn as nn", "def _own(x):\n    return x", "_own(x)"),
        ("import torch.nn.functional as functional", "", "functional.relu(x)"),
        ("", "def load(x):\n    return x", "x"),  # not needed, so not in the file
    ],
)
def test_one_thing_by_two_ways_and_what_is_not_copied_are_no_clash(
    plugin: Path, imported: str, helper: str, used: str
) -> None:
    plugin.write_text(MODULE.format(imported=imported, helper=helper, used=used))
    assert "class Mine" in collect(["Mine", "UnetLevel"]).text()


def test_typings_names_are_those_of_collections_abc(plugin: Path) -> None:
    plugin.write_text(
        MODULE.format(
            imported="from typing import Callable", helper="F = Callable", used="x if F else x"
        )
    )
    imports = collect(["Mine", "LruBlock"]).imports
    assert {one for one in imports if one.endswith(" Callable")} == {
        "from collections.abc import Callable",
        "from typing import Callable",
    }


def test_all_that_is_ours_fits_into_one_file() -> None:
    check_exportable()


@pytest.mark.parametrize("task", ["classification", "multilabel", "segmentation", "regression"])
def test_the_names_that_every_file_may_define_are_known(task: str) -> None:
    inputs = Inputs(class_names=("a",), mean=(0.5,), std=(0.5,), task=task)
    tree = ast.parse(usage_code(inputs, "Net", (1, 8, 8), weights=True))
    bound = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    bound += [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    assert sorted(bound) == sorted(OWN_NAMES)


def test_a_network_is_called_like_nothing_else() -> None:
    assert to_class_name("m-e-a-n", {"MEAN", "MEANNetwork"}) == "MEANNetworkNetwork"
