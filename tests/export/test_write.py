"""`export_network`: the files, their names, and what cannot be written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from nas.errors import NasError, RunFolderError
from nas.export import _write as write_module
from nas.export import export_network
from nas.model import build_model, save_weights
from nas.space import load_architecture, parse_space
from tests.export.networks import PROVENANCE

if TYPE_CHECKING:
    from pathlib import Path

    from nas.export import Exported

TEXT = """\
stem: {conv: {channels: 8}}
stages:
  - {channels: 8, depth: 2, block: {lru: {reuse: 2}}}
head: gap_linear
"""
SHARED = TEXT + "sharing: {scope: network, ratio: 0.5}\n"


def export(folder: Path, text: str = TEXT, name: str = "small", **options: object) -> Exported:
    arch = parse_space(text, source="f.yaml", name=name).decode(())
    weights = save_weights(build_model(arch, in_channels=1, num_classes=10))
    given = {"weights": weights, "provenance": PROVENANCE} | options
    return export_network(folder, arch, input_shape=(1, 8, 8), num_classes=10, **given)  # type: ignore[arg-type]


def test_files_are_named_alike(tmp_path: Path) -> None:
    files = export(tmp_path / "new" / "folder")
    arch = load_architecture(str(files.model_file))
    assert files.module.name == f"small_{arch.id}.py"
    assert files.weights is not None
    assert {path.name for path in files.module.parent.iterdir()} == {
        f"small_{arch.id}{suffix}" for suffix in (".py", ".yaml", ".safetensors", ".json")
    }
    assert f'load_model(model, "{files.weights.name}")' in files.module.read_text()


def test_without_weights_there_are_three(tmp_path: Path) -> None:
    files = export(tmp_path, weights=None)
    assert files.weights is None
    assert len(list(tmp_path.iterdir())) == 3
    assert "load_model" not in files.module.read_text()


@pytest.mark.parametrize(
    "name", ["../outside", "a b", "v1.5-x", "/etc/passwd", "réseau", "x" * 300, "3x3"]
)
def test_names_become_file_names_that_python_can_import(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    files = export(folder, name=name)
    assert files.module.parent == folder
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*\.py", files.module.name)
    assert sorted(tmp_path.iterdir()) == [folder]


def test_the_model_file_is_the_network(tmp_path: Path) -> None:
    arch = parse_space(SHARED, source="f.yaml", name="small").decode(())
    assert load_architecture(str(export(tmp_path, SHARED).model_file)).id == arch.id


def test_rings_can_be_written_out_as_ordinary_kernels(tmp_path: Path) -> None:
    files = export(tmp_path, SHARED, materialized=True)
    assert "Ring" not in files.module.read_text()
    assert load_architecture(str(files.model_file)).sharing.scope == "none"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(RunFolderError) as caught:
        export(blocked)
    assert str(caught.value).startswith(f"{blocked}: cannot be written: ")


def test_code_that_computes_something_else_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emit = write_module.emit_module
    monkeypatch.setattr(
        write_module,
        "emit_module",
        lambda *args, **kwargs: emit(*args, **kwargs).replace("(y + x)", "(y - x)"),
    )
    with pytest.raises(NasError, match="does not match the network it came from"):
        export(tmp_path)
    assert list(tmp_path.iterdir()) == []
