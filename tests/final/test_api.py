from __future__ import annotations

import json
from typing import TYPE_CHECKING

import nas
from nas.final import default_folder
from tests.final.small_model import write_files

if TYPE_CHECKING:
    from pathlib import Path


def test_one_call_trains_in_full(tmp_path: Path, npz: Path) -> None:
    model, recipe = write_files(tmp_path)

    report = nas.train(
        model,
        out=tmp_path / "out",
        recipe=recipe,
        overrides=["epochs=2"],
        data=str(npz),
        seeds=2,
        device="cpu",
    )

    assert [one["seed"] for one in report.seeds] == [0, 1]
    assert report.seeds[0]["epochs"] == 2
    written = json.loads((tmp_path / "out/report.json").read_text())
    assert written["test"] == report.test


def test_a_training_without_a_folder_gets_one_that_says_what_it_is() -> None:
    assert default_folder("zoo/lrunet_1_1x.yaml").name.startswith("train-lrunet_1_1x-")
    assert default_folder("runs/x:0a1b", "tune").name.startswith("tune-x_0a1b-")
