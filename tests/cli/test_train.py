from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from nas.cli import app
from nas.errors import OptionError
from nas.train import parse_recipe, recipe_catalogue
from tests.final.small_model import write_files

if TYPE_CHECKING:
    from pathlib import Path


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_recipes_are_listed_and_printed() -> None:
    listed = run("recipes")

    for name in recipe_catalogue():
        assert re.search(rf"^{name}\s", listed, flags=re.MULTILINE)
    assert parse_recipe(run("recipes", "rpg"), source="printed").name == "rpg"
    assert json.loads(run("recipes", "--json"))["rpg"]["epochs"] == 90


def test_a_network_is_trained_and_reported(tmp_path: Path, npz: Path) -> None:
    model, recipe = write_files(tmp_path)
    out = str(tmp_path / "out")

    told = run(
        "train", model, "--recipe", recipe, "--data", str(npz), "--out", out, "--seeds", "2"
    )

    assert "epoch 3/3" in told
    assert re.search(r"accuracy, mean, %\s+[\d.]+ ± [\d.]+\s+[\d.]+ ± [\d.]+", told)
    assert "test images: scored once" in told
    plain = json.loads(run("train", "--resume", out, "--json"))
    assert plain["folder"] == out
    assert len(plain["seeds"]) == 2
    again = run("train", "--resume", out)
    assert "left" not in again
    assert re.search(r"accuracy, mean, %\s+[\d.]+ ±", again)


def test_mistakes_are_user_errors() -> None:
    done = CliRunner().invoke(app, ["train", "lrunet_1_1x", "--device", "abacus"])

    assert isinstance(done.exception, OptionError)
