from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

import nas
from nas.errors import OptionError, RunFolderError
from nas.final import TrainingJob, default_folder, plan_training, ray_runner, read_checked
from nas.final._jobs import _identity
from nas.tune import Resources
from tests.final.small_model import write_files


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
    assert nas.resume_training(str(tmp_path / "out")).test == report.test


def test_seeds_places_and_clusters_are_those_of_the_command(
    tmp_path: Path, npz: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, recipe = write_files(tmp_path)
    monkeypatch.setattr("nas.final._api.ray_runner", lambda *where, **told: (*where, told))
    monkeypatch.setattr("nas.final._api.train_network", lambda *what, **how: (*what, how))

    plan, out, how = nas.train(  # type: ignore[misc]
        Path(model), recipe=recipe, data=npz, data_dir=str(tmp_path), out="out",
        seeds=2, first_seed=3, address="head:6379",
    )  # fmt: skip

    assert plan.settings.seeds == (3, 4)
    assert (plan.settings.data, plan.settings.data_dir) == (str(npz), str(tmp_path))
    told = {"at_once": None, "address": "head:6379"}
    assert how["runner"] == (out / "tune", told)
    with pytest.raises(OptionError, match="`first_seed` -1: write a whole number from 0"):
        nas.train(model, first_seed=-1)
    with pytest.raises(OptionError, match="`workers` 0: write a number of at least 1"):
        nas.train(model, recipe=recipe, data=npz, workers=0)


@pytest.mark.parametrize(("device", "gpus"), [("cpu", 0), ("cuda", 1), ("cuda:1", 1)])
def test_a_trial_of_a_plan_for_a_gpu_is_given_one(
    tmp_path: Path, npz: Path, monkeypatch: pytest.MonkeyPatch, device: str, gpus: int
) -> None:
    model, recipe = write_files(tmp_path)
    made = plan_training(model, recipe=recipe, data=str(npz), device="cpu", threads=2)
    plan = replace(made, settings=replace(made.settings, device=device))
    asked: list[Resources] = []
    sent: list[TrainingJob] = []

    def trials(
        work: object, jobs: list[TrainingJob], storage: Path, *, resources: Resources, **_: object
    ) -> None:
        asked.append(resources)
        sent.extend(jobs)
        raise KeyboardInterrupt

    monkeypatch.setattr("nas.final._with_ray.run_trials", trials)
    monkeypatch.setattr("nas.final._with_ray.open_ray", nullcontext)
    job = TrainingJob(plan=plan, seed=0, place=tmp_path / "seed-0")
    data = read_checked(made)
    with pytest.raises(KeyboardInterrupt):
        ray_runner(str(tmp_path / "tune"))([job], data, None)
    assert asked == [Resources(cpus=2, gpus=gpus)]
    assert sent[0].plan.settings.device == ("cuda" if gpus else "cpu")
    assert _identity(sent[0], data) == _identity(job, data)


def test_a_run_may_be_named_by_a_word(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no such run folder"):
        nas.train_finalists(str(tmp_path / "none"))


def test_a_training_without_a_folder_gets_one_that_says_what_it_is() -> None:
    assert default_folder("zoo/lrunet_1_1x.yaml").name.startswith("train-lrunet_1_1x-")
    assert default_folder("runs/x:0a1b", "tune").name.startswith("tune-x_0a1b-")
