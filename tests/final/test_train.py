from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from nas.cli import app
from nas.cli._train import _Where
from nas.data import NOT_MOVED
from nas.errors import (
    DataError,
    IllegalArchitecture,
    OptionError,
    RecipeError,
    RunFolderError,
    UserError,
)
from nas.final import (
    FinalReport,
    find_trained,
    plan_training,
    proxy_remarks,
    read_plan,
    resume_training,
    train_network,
)
from nas.final import _train as module
from nas.final._choose import choose_recipe
from tests.final.small_model import write_files
from tests.small_data import blobs

if TYPE_CHECKING:
    from nas.final import TrainingJob, TrainingPlan
    from nas.train import EpochRecord


@pytest.fixture
def make_plan(tmp_path: Path, npz: Path) -> Any:
    model, recipe = write_files(tmp_path)

    def made(**changes: Any) -> TrainingPlan:
        given: dict[str, Any] = {"recipe": recipe, "data": str(npz), "device": "cpu"} | changes
        return plan_training(given.pop("target", model), **given)

    return made


def test_a_head_must_suit_the_task(make_plan: Any, tmp_path: Path) -> None:
    (tmp_path / "dense.yaml").write_text(
        "stem: {conv: {channels: 4}}\nstages: [{channels: 4, block: conv}]\nhead: pixels\n"
    )
    plan = make_plan(target=str(tmp_path / "dense.yaml"))
    with pytest.raises(OptionError, match="head pixels does not suit `task` classification"):
        train_network(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def weights_of(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()


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


def test_a_training_killed_with_kill_9_goes_on_to_the_same_bits(
    make_plan: Any, tmp_path: Path, npz: Path
) -> None:
    model, recipe = write_files(tmp_path)
    plan = make_plan(overrides=["epochs=6"])
    straight = train_network(plan, tmp_path / "straight")
    (tmp_path / "quick.yaml").write_text(
        (tmp_path / "quick.yaml").read_text().replace("epochs: 3", "epochs: 6")
    )
    out = tmp_path / "killed"
    words = ["-m", "tests.final.killed_training", model, recipe, str(npz), str(out)]
    child = subprocess.Popen([sys.executable, *words], cwd=Path(__file__).parents[2])
    while not (out / "seed-0/checkpoint.pt").exists() and child.poll() is None:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert (out / "seed-0/checkpoint.pt").exists()
    assert not (out / "report.json").exists()
    seen: list[int] = []

    resumed = resume_training(out, on_epoch=lambda job, record: seen.append(record.epoch))

    assert seen[0] > 1
    assert seen[-1] == 6
    assert weights_of(out) == weights_of(tmp_path / "straight")
    assert resumed.test == straight.test
    assert resumed.validation == straight.validation


def test_a_training_that_is_over_is_only_read(
    make_plan: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = train_network(make_plan(), tmp_path / "out")
    monkeypatch.setattr(module, "read_test", lambda *words, **named: pytest.fail("read again"))

    again = resume_training(tmp_path / "out")

    assert again == report == FinalReport.read(read_plan(tmp_path / "out")[0])


def test_other_images_than_before_are_refused(make_plan: Any, tmp_path: Path, npz: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_network(make_plan(), tmp_path / "out", on_epoch=interrupted_after(1))
    images, labels = blobs(480, seed=1)
    np.savez(npz, images=images, labels=labels)

    with pytest.raises(RunFolderError, match="is not what this training began with"):
        resume_training(tmp_path / "out")

    plan = tmp_path / "out" / "training.json"  # as before fingerprints were written down
    document = json.loads(plan.read_text())
    del document["data_fingerprint"]
    plan.write_text(json.dumps(document))
    with pytest.raises(RunFolderError, match="another set of images than the one it was begun"):
        resume_training(tmp_path / "out")


@pytest.fixture
def tested(tmp_path: Path) -> Any:
    """Data with a test part of their own, which can be written anew."""
    path = tmp_path / "tested.npz"
    images, labels = blobs(240)

    def write(seed: int = 1, count: int = 40) -> str:
        test_images, test_labels = blobs(count, seed=seed)
        tests = {"test_images": test_images, "test_labels": test_labels}
        np.savez(path, images=images, labels=labels, **tests)
        return str(path)

    return write


def test_other_test_images_than_before_are_refused(
    make_plan: Any, tmp_path: Path, tested: Any
) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train_network(make_plan(data=tested()), out, on_epoch=interrupted_after(1))

    tested(seed=2)
    with pytest.raises(RunFolderError, match=r"began with \(as many test images, but other ones"):
        resume_training(out)
    tested(count=36)
    with pytest.raises(RunFolderError, match=r"began with \(40 test images; now 36\); bring back"):
        resume_training(out)

    plan = out / "training.json"  # as before test images were looked at
    document = json.loads(plan.read_text())
    del document["data_fingerprint"]["test"], document["data_fingerprint"]["test_images"]
    plan.write_text(json.dumps(document))
    assert resume_training(out).data["test_images"] == 36


def test_test_images_that_change_while_it_trains_are_not_scored(
    make_plan: Any, tmp_path: Path, tested: Any
) -> None:
    out = tmp_path / "out"
    with pytest.raises(RunFolderError, match="as many test images, but other ones"):
        train_network(make_plan(data=tested()), out, on_epoch=lambda job, record: tested(seed=2))
    assert not (out / "report.json").exists()

    tested()
    assert resume_training(out).data["test_images"] == 40


def interrupted_after(epochs: int) -> Any:
    def on_epoch(job: TrainingJob, record: EpochRecord) -> None:
        if record.epoch == epochs:
            raise KeyboardInterrupt

    return on_epoch


def test_a_damaged_checkpoint_is_named(make_plan: Any, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_network(make_plan(), tmp_path / "out", on_epoch=interrupted_after(2))
    path = tmp_path / "out/seed-0/checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])

    with pytest.raises(RunFolderError, match=r"checkpoint\.pt: is damaged .*delete it"):
        resume_training(tmp_path / "out")


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


def test_what_has_begun_takes_no_option_but_where_its_data_are(
    make_plan: Any, tmp_path: Path, npz: Path
) -> None:
    class Pressed(KeyboardInterrupt):
        pass

    def press(job: TrainingJob, record: EpochRecord) -> None:
        raise Pressed

    out = tmp_path / "my out"
    with pytest.raises(Pressed):
        train_network(make_plan(), out, on_epoch=press)
    moved = npz.rename(tmp_path / "moved.npz")
    resume = ["train", "--resume", str(out)]

    for words in (["--set", "epochs=9"], ["--seeds", "2"], ["--no-flip"], ["--device", "cpu"]):
        refused = CliRunner().invoke(app, [*resume, *words]).exception
        assert isinstance(refused, OptionError)
        assert str(refused).startswith(f"{words[0].replace('no-', '')} ")
        assert "goes on as it was begun" in str(refused)
    assert isinstance(CliRunner().invoke(app, resume).exception, DataError)
    done = CliRunner().invoke(app, [*resume, "--data", str(moved)])

    assert done.exit_code == 0, (done.output, done.exception)
    assert (out / "report.json").exists()


def test_other_data_are_noticed_before_a_checkpoint_is_there(
    make_plan: Any, tmp_path: Path, npz: Path
) -> None:
    """Between two seeds too, when none is."""

    def press(job: TrainingJob, record: EpochRecord) -> None:
        if job.seed == 1:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train_network(make_plan(seeds=range(2)), out, on_epoch=press)
    (out / "seed-1" / "checkpoint.pt").unlink()
    images, labels = blobs(480, seed=1)
    np.savez(npz, images=images, labels=labels)

    with pytest.raises(RunFolderError, match="is not what this training began with"):
        resume_training(out)

    np.savez(npz, images=blobs(480)[0], labels=labels)
    assert len(resume_training(out).seeds) == 2


def test_finalists_of_one_network_are_refused(make_plan: Any, tmp_path: Path) -> None:
    model, _ = write_files(tmp_path)

    refused = CliRunner().invoke(app, ["train", model, "--finalists", "3"]).exception

    assert isinstance(refused, OptionError)
    assert str(refused).startswith("--finalists 3: only a run has finalists")


@pytest.mark.parametrize("begun", [False, True])
def test_ctrl_c_names_the_command_that_goes_on_or_says_that_nothing_had_begun(
    begun: bool, tmp_path: Path, npz: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(*words: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    place = "nas.final._train.read_test" if begun else "nas.final._train.read_data"
    monkeypatch.setattr(place, press)
    model, recipe = write_files(tmp_path)
    out = tmp_path / "out"
    words = ["train", model, "--recipe", recipe, "--data", str(npz), "--out", str(out)]

    done = CliRunner().invoke(app, words)

    assert done.exit_code == 130
    last = done.output.splitlines()[-1]
    again = f"Stopped; go on with: nas train --resume {out}"
    assert last == (again if begun else "Stopped; nothing had begun yet")


def test_the_command_that_goes_on_has_the_workers_it_went_with(tmp_path: Path) -> None:
    where = _Where(console=Console(), workers=2, address="head:6379", moved=NOT_MOVED)
    assert where.again(tmp_path / "my out") == (
        f"nas train --resume '{tmp_path / 'my out'}' --workers 2 --address head:6379"
    )
    assert replace(where, workers=None, address=None).again(tmp_path) == (
        f"nas train --resume {tmp_path}"
    )
