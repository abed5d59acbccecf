from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from nas.errors import RunFolderError
from nas.inspect import Inspection, build_untrained, inspect_network, write_inspection
from nas.space import load_space
from tests.inspect.conftest import FAMILIES, network_of, noise_images

if TYPE_CHECKING:
    from pathlib import Path


def inspection(family: str, *, trained: bool = False) -> Inspection:
    arch, data = network_of(FAMILIES[family]), noise_images()
    network = build_untrained(arch, data)
    return inspect_network(arch, network, data, weights="none", trained=trained)


@pytest.mark.parametrize(
    ("family", "pictures"),
    [
        ("vgnet", ["kernels.png", "similarity.png"]),
        ("mobile", ["kernels.png", "similarity.png"]),
        ("plain", ["similarity.png"]),
        ("ring", ["kernels.png", "similarity.png", "rings.png"]),
    ],
)
def test_there_is_a_picture_of_everything_there_is(
    family: str, pictures: list[str], tmp_path: Path
) -> None:
    written = write_inspection(tmp_path / "new" / "folder", inspection(family))

    assert [file.name for file in written.files] == [*pictures, "inspect.json"]
    for file in written.files[:-1]:
        assert file.read_bytes().startswith(b"\x89PNG")


def test_the_figures_are_json(tmp_path: Path) -> None:
    seen = inspection("ring")
    write_inspection(tmp_path, seen)

    plain = json.loads((tmp_path / "inspect.json").read_text())

    assert (plain["name"], plain["id"], plain["images"]) == ("small", seen.arch.id, 40)
    assert [layer["kernels"] for layer in plain["depthwise"]] == [8, 16]
    assert sum(plain["depthwise"][0]["shares"].values()) == pytest.approx(1, abs=1e-3)
    assert plain["rings"][0]["elements_by_uses"] == {"6": 100}
    assert plain["cka"][0]["modules"] == ["body.0", "body.1"]
    assert plain["suggestions"] == []


def test_suggestions_become_a_space_to_search(tmp_path: Path) -> None:
    seen = inspection("mobile", trained=True)
    blurred = replace(seen.layers[2], labels=("gaussian",) * 16, cosines=torch.ones(16))

    written = write_inspection(tmp_path, replace(seen, layers=(*seen.layers[:2], blurred)))

    assert "stages.1.block.separable.kernels" in [one.path for one in written.suggestions]
    space = load_space(str(tmp_path / "opened.yaml"))
    assert len(space.genes) == len(written.suggestions)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot be written"):
        write_inspection(tmp_path / "file", inspection("plain"))
