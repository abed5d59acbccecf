from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from nas.cli import app
from nas.errors import (
    DataError,
    IllegalArchitecture,
    OptionError,
    RecipeError,
    RunFolderError,
    UserError,
)
from nas.final import _train as module
from nas.final import find_trained, plan_training, proxy_remarks, resume_training, train_network
from nas.final._choose import choose_recipe
from tests.final.small_model import weights_of, write_files
from tests.small_data import blobs

if TYPE_CHECKING:
    from pathlib import Path


def test_a_head_must_suit_the_task(make_plan: Any, tmp_path: Path) -> None:
    (tmp_path / "dense.yaml").write_text(
        "stem: {conv: {channels: 4}}\nstages: [{channels: 4, block: conv}]\nhead: pixels\n"
    )
    plan = make_plan(target=str(tmp_path / "dense.yaml"))
    with pytest.raises(OptionError, match="head pixels does not suit `task` classification"):
        train_network(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("whole_results")
def test_a_training_leaves_all_that_came_of_it(make_plan: Any, tmp_path: Path) -> None:
    report = train_network(make_plan(), tmp_path / "out")

    there = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"recipe.yaml", "model.yaml", "curves.csv", "curves.png", "report.json"} <= there
    assert {path.suffix for path in (tmp_path / "out/export").iterdir()} == {
        ".py",
        ".yaml",
        ".json",
        ".safetensors",
        ".onnx",
        ".pt2",
        ".md",
    }
    assert "proxy" not in next((tmp_path / "out/export").glob("*.md")).read_text()
    assert report.test["accuracy"]["mean"] == report.seeds[0]["test"]["accuracy"] > 0.8
    assert report.test["accuracy"]["std"] is None
    assert report.seeds[0]["chosen_epoch"] == report.seeds[0]["epochs"] == 3
    assert "scored once" in report.test_note
    assert json.loads((tmp_path / "out/report.json").read_text())["model"]["params"] > 0
    with (tmp_path / "out/curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[-1]["val_accuracy"]) == pytest.approx(
        report.validation["accuracy"]["mean"], abs=1e-5
    )


def test_the_exported_code_has_the_trained_weights_and_honest_words(
    make_plan: Any, tmp_path: Path
) -> None:
    report = train_network(make_plan(), tmp_path / "out")

    (code,) = (tmp_path / "out/export").glob("*.py")
    text = " ".join(code.read_text().split())
    assert f"Test accuracy {report.test['accuracy']['mean']:.4f}" in text
    assert "3 epochs of recipe quick" in text
    trained = find_trained(str(tmp_path / "out"), "`init`")
    assert trained.arch.id == report.model["id"]
    assert trained.weights == weights_of(tmp_path / "out")


def test_seeds_have_a_mean_and_a_spread_and_the_best_on_validation_is_kept(
    make_plan: Any, tmp_path: Path
) -> None:
    report = train_network(make_plan(seeds=range(3)), tmp_path / "out")

    accuracies = [one["test"]["accuracy"] for one in report.seeds]
    assert report.test["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert report.test["accuracy"]["std"] == pytest.approx(np.std(accuracies, ddof=1))
    best = max(report.seeds, key=lambda one: one["validation"]["accuracy"])
    assert report.kept_seed == best["seed"]
    kept = tmp_path / f"out/seed-{report.kept_seed}"
    assert weights_of(tmp_path / "out") == weights_of(kept)


def test_test_images_that_were_trained_on_are_counted_and_said(tmp_path: Path) -> None:
    images, labels = blobs(200)
    path = tmp_path / "leaking.npz"
    tests = {"test_images": np.concatenate([images[:30], 255 - images[:10]])}
    np.savez(path, images=images, labels=labels, **tests, test_labels=[*labels[:30], *labels[:10]])
    model, recipe = write_files(tmp_path)
    words = ["train", model, "--recipe", recipe, "--data", str(path), "--out", str(tmp_path / "o")]

    done = CliRunner().invoke(app, words)

    assert done.exit_code == 0, (done.output, done.exception)
    assert "leaking.npz: 4 classes, images of 1x" in done.output
    assert "(val split off here)" in done.output
    report = json.loads((tmp_path / "o" / "report.json").read_text())
    assert (report["data"]["test_images"], report["data"]["test_images_seen"]) == (40, 30)
    assert "Warning: 30 of the test images are among those trained or validated on" in done.output


def test_the_test_images_are_read_once_and_last(
    make_plan: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    read = module.read_test

    def noted(*words: Any, **named: Any) -> Any:
        events.append("test")
        return read(*words, **named)

    monkeypatch.setattr(module, "read_test", noted)
    train_network(
        make_plan(seeds=range(2)),
        tmp_path / "out",
        on_epoch=lambda job, record: events.append(f"{job.seed}:{record.epoch}"),
    )

    assert events == ["0:1", "0:2", "0:3", "1:1", "1:2", "1:3", "test"]


def test_a_diverged_training_says_what_to_change(make_plan: Any, tmp_path: Path) -> None:
    plan = make_plan(overrides=["optimizer.rate=1e30"])

    with pytest.raises(RecipeError, match=r"seed 0 diverged.*`overrides` optimizer") as error:
        train_network(plan, tmp_path / "out")
    assert "optimizer.clip_norm=1" in str(error.value)


def test_a_teacher_teaches(make_plan: Any, tmp_path: Path) -> None:
    train_network(make_plan(), tmp_path / "teacher")
    alone = train_network(make_plan(seeds=[1]), tmp_path / "alone")

    taught = make_plan(
        teacher=str(tmp_path / "teacher"), seeds=[1], overrides=["distillation.weight=0.9"]
    )
    report = train_network(taught, tmp_path / "taught")

    assert report.test["accuracy"]["mean"] > 0.8
    assert weights_of(tmp_path / "taught") != weights_of(tmp_path / "alone")
    assert alone.model["id"] == report.model["id"]


def test_distillation_without_a_teacher_is_refused_before_anything_begins(
    make_plan: Any, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="needs a teacher; name one with `teacher`"):
        train_network(make_plan(overrides=["distillation.weight=0.5"]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_training_begins_with_given_weights(make_plan: Any, tmp_path: Path) -> None:
    train_network(make_plan(), tmp_path / "first")
    weights = str(tmp_path / "first/weights.safetensors")

    report = train_network(
        make_plan(init=weights, overrides=["epochs=1", "optimizer.rate=0.0001"]),
        tmp_path / "second",
    )
    fresh = train_network(
        make_plan(overrides=["epochs=1", "optimizer.rate=0.0001"]), tmp_path / "fresh"
    )

    assert report.validation["accuracy"]["mean"] > fresh.validation["accuracy"]["mean"] + 0.2


def test_weights_of_another_network_are_refused(make_plan: Any, tmp_path: Path) -> None:
    train_network(make_plan(), tmp_path / "first")
    wider = tmp_path / "wider.yaml"
    wider.write_text((tmp_path / "tiny.yaml").read_text().replace("channels: 12", "channels: 16"))

    with pytest.raises(RecipeError, match=r"`init` .*do not fit the network"):
        train_network(
            make_plan(target=str(wider), init=str(tmp_path / "first")), tmp_path / "second"
        )


def test_the_best_epoch_is_kept_where_asked_for(make_plan: Any, tmp_path: Path) -> None:
    plan = make_plan(overrides=["select=best", "epochs=5"])

    report = train_network(plan, tmp_path / "out")

    history = json.loads((tmp_path / "out/seed-0/history.json").read_text())["history"]
    accuracies = [record["validation"]["accuracy"] for record in history]
    assert report.seeds[0]["chosen_epoch"] == 1 + accuracies.index(max(accuracies))
    assert report.validation["accuracy"]["mean"] == max(accuracies)


def test_imbalanced_data_show_in_balanced_accuracy(make_plan: Any, tmp_path: Path) -> None:
    images, labels = blobs(600)
    keep = (labels != 3) | (np.arange(600) % 10 == 3)
    path = tmp_path / "imbalanced.npz"
    np.savez(path, images=images[keep], labels=labels[keep])

    reports = {
        weights: train_network(
            make_plan(
                data=str(path), overrides=[f"regularization.class_weights={weights}", "epochs=2"]
            ),
            tmp_path / weights,
        )
        for weights in ("none", "balanced")
    }

    plain, weighted = (reports[name].validation for name in ("none", "balanced"))
    assert plain["balanced_accuracy"]["mean"] != plain["accuracy"]["mean"]
    assert weighted["balanced_accuracy"]["mean"] > plain["balanced_accuracy"]["mean"]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"target": "nowhere"}, UserError, "no model file of that name"),
        ({"target": "lru_vgnet"}, UserError, "values are open"),
        ({"recipe": "lite"}, UserError, "did you mean 'light'"),
        ({"data": "nowhere"}, DataError, "neither a known data set"),
        ({"device": "tpu"}, OptionError, "allowed: cpu, cuda"),
        ({"teacher": "nowhere"}, OptionError, "`teacher` nowhere: no trained network there"),
        ({"seeds": []}, OptionError, "`seeds` 0: write 1 to"),
        ({"threads": 0}, OptionError, "`threads` 0"),
    ],
)
def test_mistakes_are_found_before_a_folder_is_made(
    make_plan: Any, tmp_path: Path, changes: dict[str, Any], error: type[UserError], words: str
) -> None:
    with pytest.raises(error, match=words):
        train_network(make_plan(**changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_in_use_is_not_written_to(make_plan: Any, tmp_path: Path) -> None:
    train_network(make_plan(overrides=["epochs=1"]), tmp_path / "out")

    with pytest.raises(RunFolderError, match="nas train --resume"):
        train_network(make_plan(), tmp_path / "out")
    with pytest.raises(RunFolderError, match="not a folder of `nas train`"):
        resume_training(tmp_path)


def test_the_recipe_is_chosen_by_size_and_that_is_said(make_plan: Any) -> None:
    plan = make_plan(recipe=None)

    assert plan.recipe.name == "light"
    assert "parameters; `recipe` names another" in plan.chosen


def test_threads_are_those_of_the_plan_and_put_back(make_plan: Any, tmp_path: Path) -> None:
    seen: list[int] = []

    train_network(
        make_plan(threads=2, overrides=["epochs=1"]),
        tmp_path / "out",
        on_epoch=lambda job, record: seen.append(torch.get_num_threads()),
    )

    assert seen == [2]
    assert torch.get_num_threads() == 1


def test_weights_of_a_search_are_said_to_be_a_proxys(tmp_path: Path) -> None:
    (tmp_path / "search.json").write_text("{}")
    of_a_run, of_a_file = f"{tmp_path}:0123abc", "net.yaml"

    [said] = proxy_remarks(of_a_run, of_a_file)

    assert said.startswith(f"`teacher` {of_a_run}: weights of the search's short training")
    assert len(proxy_remarks(of_a_run, of_a_run)) == 2
    assert proxy_remarks(None, None) == proxy_remarks(of_a_file, None) == ()


def test_a_size_that_the_network_does_not_take_is_found_before_a_folder_is_made(
    make_plan: Any, tmp_path: Path
) -> None:
    plan = make_plan(target="lenet")  # a named recipe: nothing has counted costs yet

    with pytest.raises(IllegalArchitecture, match="pixels are expected"):
        train_network(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_recipe_that_the_images_do_not_bear_is_found_before_a_folder_is_made(
    make_plan: Any, tmp_path: Path
) -> None:
    images, labels = blobs(60)
    deep = tmp_path / "deep.npz"
    np.savez(deep, images=1000.0 * images, labels=labels)
    model, _ = write_files(tmp_path)
    plan = plan_training(
        model, overrides=["augmentation.rand_augment.ops=1"], data=str(deep), device="cpu"
    )

    with pytest.raises(RecipeError, match="rand_augment needs images of 8 bits"):
        train_network(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("task", "name"),
    [("classification", "standard"), ("segmentation", "light"), ("multilabel", "light")],
)
def test_the_chosen_recipe_suits_the_task(task: str, name: str) -> None:
    assert choose_recipe(50_000, task)[0] == name


def test_finalists_of_one_network_are_refused(make_plan: Any, tmp_path: Path) -> None:
    model, _ = write_files(tmp_path)

    refused = CliRunner().invoke(app, ["train", model, "--finalists", "3"]).exception

    assert isinstance(refused, OptionError)
    assert str(refused).startswith("--finalists 3: only a run has finalists")
