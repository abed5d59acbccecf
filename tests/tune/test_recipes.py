from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from nas.cli import app
from nas.data import DEFAULT_OPTIONS, DataOptions
from nas.errors import OptionError
from nas.space import load_architecture
from nas.train import TASKS, check_recipe, dump_recipe, load_recipe, parse_recipe, recipe_catalogue
from nas.tune import SEARCHED, TuneSettings, begin_tuning, searched_keys, with_values
from nas.tune._recipes import first_values, search_space
from tests.final.small_model import write_files
from tests.small_data import blobs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("default")


def settings(tmp_path: Path, **changes: object) -> TuneSettings:
    model, recipe = write_files(tmp_path)
    given: dict[str, object] = {
        "arch": load_architecture(model),
        "recipe": load_recipe(recipe),
        "data": "fashion_mnist",
        "data_dir": None,
        "data_options": DEFAULT_OPTIONS,
        "keys": tuple(SEARCHED),
    }
    return TuneSettings(**given | changes)  # type: ignore[arg-type]


def test_values_go_where_their_paths_say() -> None:
    recipe = with_values(load_recipe("light"), {"optimizer.rate": 0.5, "augmentation.crop": 0.125})

    assert recipe.optimizer.rate == 0.5
    assert recipe.augmentation.crop == 0.125
    assert recipe.optimizer.name == load_recipe("light").optimizer.name


def test_the_first_trial_is_the_recipe_itself(tmp_path: Path) -> None:
    asked = settings(tmp_path)

    start = first_values(asked)

    assert set(start) == set(SEARCHED)
    assert start["optimizer.rate"] == asked.recipe.optimizer.rate


def test_every_key_has_a_domain_around_the_recipe() -> None:
    domains = search_space(load_recipe("standard"), tuple(SEARCHED))

    assert set(domains) == set(SEARCHED)
    assert domains["optimizer.rate"].lower == pytest.approx(0.004)
    assert domains["optimizer.rate"].upper == pytest.approx(0.1)
    drawn = {key: domain.sample() for key, domain in domains.items()}
    with_values(load_recipe("standard"), drawn)


@pytest.mark.parametrize("name", recipe_catalogue())
def test_the_values_of_every_recipe_are_in_its_domains(name: str, tmp_path: Path) -> None:
    asked = settings(tmp_path, recipe=load_recipe(name, ["distillation=none"]))
    domains = search_space(asked.recipe, asked.keys)

    for key, value in first_values(asked).items():
        domain = domains[key]
        there = value in getattr(domain, "categories", ())
        assert there or domain.lower <= value <= domain.upper, key


def test_the_score_is_the_tasks(tmp_path: Path) -> None:
    assert settings(tmp_path).score == "accuracy"
    options = DataOptions(task="segmentation")
    assert settings(tmp_path, data_options=options, keys=()).score == "mean_iou"


@pytest.mark.parametrize("task", ["multilabel", "segmentation", "regression"])
def test_no_key_is_searched_that_the_task_does_not_bear(tmp_path: Path, task: str) -> None:
    options, keys = DataOptions(task=task), searched_keys(task)  # type: ignore[arg-type]
    pixels = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
    plain = load_recipe("light", ["augmentation.mix_share=1.0"])
    for key in keys:
        check_recipe(with_values(plain, {key: 0.1}), pixels, TASKS[task])
    with pytest.raises(OptionError, match=rf"`keys` augmentation\.mixup: not for {task}"):
        settings(tmp_path, data_options=options, keys=("augmentation.mixup",))
    assert "augmentation.mixup" not in keys
    assert "augmentation.crop" in keys


def test_a_recipe_that_mixes_no_longer_can_be_read_again() -> None:
    ramped = load_recipe("full")
    assert ramped.augmentation.mix_ramp > 0

    found = with_values(ramped, {"augmentation.mixup": 0.0, "augmentation.cutmix": 0.0})

    assert parse_recipe(dump_recipe(found).encode(), source="best.yaml") == found
    assert with_values(ramped, {"optimizer.rate": 0.1}).augmentation == ramped.augmentation


def test_mistakes_are_told_before_ray_starts(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="`budget` 0"):
        settings(tmp_path, budget=0)
    with pytest.raises(OptionError, match=r"`keys` optimizer\.name: not searched"):
        settings(tmp_path, keys=("optimizer.name",))
    with pytest.raises(OptionError, match="counts steps"):
        settings(tmp_path, recipe=load_recipe("light", ["epochs=none", "steps=5"]))


def test_a_folder_goes_on_with_what_it_was_begun_with_alone(tmp_path: Path) -> None:
    begun, out = settings(tmp_path), tmp_path / "out"
    begin_tuning(out, begun)

    begin_tuning(out, begun)
    with pytest.raises(OptionError, match="another budget, and goes on with the same alone"):
        begin_tuning(out, replace(begun, budget=31))
    other = load_recipe("light")
    with pytest.raises(OptionError, match="another recipe and another seed"):
        begin_tuning(out, replace(begun, recipe=other, seed=1))


def test_a_folder_of_an_earlier_nas_goes_on(tmp_path: Path) -> None:
    """It does not say which images, nor where Fashion-MNIST was."""
    begun, out = settings(tmp_path), tmp_path / "out"
    begin_tuning(out, begun)
    document = json.loads((out / "tune.json").read_text())
    del document["images"]
    (out / "tune.json").write_text(json.dumps(document))

    begin_tuning(out, replace(begun, images="0123", data_dir="/somewhere"))


@pytest.mark.parametrize("text", [None, "{", "[1]"])
def test_a_folder_of_unknown_begin_is_refused(tmp_path: Path, text: str | None) -> None:
    """Of an earlier nas, or damaged."""
    out = tmp_path / "out"
    (out / "trials").mkdir(parents=True)
    if text is not None:
        (out / "tune.json").write_text(text)

    with pytest.raises(OptionError, match=r"tune\.json cannot be read .* name another folder"):
        begin_tuning(out, settings(tmp_path))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "used"], "`out` used: no folder can be made here"),
        (["--task", "segmentation"], "head gap_linear does not suit `task` segmentation"),
        (["--resolution", "3"], "`resolution` 3: write pixels"),
    ],
)
def test_what_cannot_be_tuned_is_told_before_ray_starts(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nas.workers.open_ray", lambda _address: pytest.fail("started Ray"))
    model, recipe = write_files(tmp_path)
    images, labels = blobs(48)
    masks = (images > 100).astype(np.int64)
    np.savez("data.npz", images=images, labels=masks if "segmentation" in words else labels)
    (tmp_path / "used").touch()

    done = CliRunner().invoke(
        app, ["tune", model, "--recipe", recipe, "--data", "data.npz", *words]
    )

    assert isinstance(done.exception, OptionError)
    assert message in str(done.exception)
    assert (tmp_path / "runs").exists() is False


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_nas_tune_leaves_a_recipe_to_train_with(tmp_path: Path, npz: Path) -> None:
    model, recipe = write_files(tmp_path)
    out = tmp_path / "out"
    words = ["tune", model, "--recipe", recipe, "--data", str(npz), "--budget", "4"]
    words += ["--key", "optimizer.rate", "--out", str(out), "--set", "epochs=9"]
    words += ["--no-flip"]

    done = CliRunner().invoke(app, words)

    assert done.exit_code == 0, (done.output, done.exception)
    with (out / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert float(rows[0]["optimizer.rate"]) == pytest.approx(0.02)
    assert max(int(row["epochs"]) for row in rows) == 9
    best = load_recipe(str(out / "best.yaml"))
    whole = [row for row in rows if row["epochs"] == "9"]
    most = max(whole, key=lambda row: float(row["accuracy"]))
    assert best.optimizer.rate == pytest.approx(float(most["optimizer.rate"]))
    following = f"--recipe {out / 'best.yaml'} --data {npz} --no-flip"
    assert following in done.output
    assert CliRunner().invoke(app, words).exit_code == 0  # goes on: nothing is left to do


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_ctrl_c_is_no_end(tmp_path: Path, npz: Path) -> None:
    model, recipe = write_files(tmp_path)
    out = tmp_path / "out"
    words = [sys.executable, "-m", "nas", "tune", model, "--recipe", recipe, "--data", str(npz)]
    words += ["--budget", "4", "--key", "optimizer.rate", "--set", "epochs=9", "--out", str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as begun:
        assert begun.stdout is not None
        for line in begun.stdout:
            if "of 4 trials are over" in line:
                begun.send_signal(signal.SIGINT)
                break
        told = begun.stdout.read()

    assert begun.returncode == 130
    assert f"Interrupted. The same command with --out {out} goes on." in told
    assert not (out / "best.yaml").exists()
    subprocess.run(words, check=True, capture_output=True)
    assert len((out / "trials.csv").read_text().splitlines()) == 5
    assert load_recipe(str(out / "best.yaml")).name.endswith("_tuned")
