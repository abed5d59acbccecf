from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from nas.cli import app
from nas.data._split import split_off_test
from nas.errors import Diverged, OptionError, RecipeError, RunFolderError, UserError
from nas.final import (
    FinalistsSettings,
    find_trained,
    plan_training,
    train_finalists,
    train_network,
)
from nas.final import _jobs as jobs
from nas.final import _train_run as module
from nas.run import open_run
from nas.space import dump_architecture

if TYPE_CHECKING:
    from collections.abc import Container

    from nas.final import FinalFront, TrainingJob


def asked(searched: Path, **changes: Any) -> FinalistsSettings:
    made = FinalistsSettings(
        finalists=2, seeds=2, recipe=str(searched / "quick.yaml"), device="cpu"
    )
    return replace(made, **changes)


@pytest.fixture(scope="module")
def straight(searched: Path, tmp_path_factory: pytest.TempPathFactory) -> FinalFront:
    """The final front of a run that was trained without a break."""
    run = shutil.copytree(searched / "run", tmp_path_factory.mktemp("straight") / "run")
    return train_finalists(run, asked(searched))


def test_finalists_climb_and_make_a_final_front(searched: Path, run: Path) -> None:
    told: list[str] = []
    trained: list[tuple[str, int, int]] = []

    def on_epoch(job: TrainingJob, record: Any) -> None:
        if record.epoch == record.num_epochs:
            trained.append((job.plan.arch.id, job.seed, record.num_epochs))

    front = train_finalists(run, asked(searched), on_epoch=on_epoch, tell=told.append)

    lengths = [epochs for _, _, epochs in trained]
    assert lengths == sorted(lengths)
    assert set(lengths) == {1, 3, 10}
    assert lengths.count(1) > lengths.count(3) > 2
    assert sorted(seed for _, seed, epochs in trained if epochs == 10) == [0, 0, 1, 1]
    assert {one for one, _, epochs in trained if epochs == 10} == {
        one.arch_id for one in front.members
    }
    assert 1 <= len(front.front) <= len(front.members) == 2
    assert all(one.validation_std is not None for one in front.members)
    assert any("within two standard deviations" in line for line in told)

    again: list[str] = []
    assert train_finalists(run, asked(searched), tell=again.append) == front
    assert train_finalists(run, tell=again.append) == front
    assert len(again) == 2
    assert "is there already: to train anew, move" in again[0]
    with pytest.raises(RunFolderError, match=r"were trained with finalists 2.*move .*final away"):
        train_finalists(run, asked(searched, seeds=3))
    final = run / "final" / "final.json"
    final.write_text(final.read_text().replace('"searched": ', '"searched": -'))
    train_finalists(run, tell=again.append)
    assert re.search(r"already; \d+ networks searched since did not take part", again[-1])


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("whole_results", "whole_pictures")
def test_an_export_takes_the_weights_and_figures_of_full_training(
    searched: Path, run: Path, tmp_path: Path
) -> None:
    before = open_run(run).pick("all")
    front = train_finalists(run, asked(searched, finalists=1))
    done = CliRunner().invoke(app, ["export", str(run), "--pick", "all", "--json"])
    exported = json.loads(done.stdout)

    assert [one["id"] for one in exported] == [one.arch_id for one in front.front]
    for one, member in zip(exported, front.front, strict=True):
        record = json.loads(Path(one["files"]["record"]).read_text())
        evidence = record["evidence"]
        assert (evidence["training"], evidence["split"], evidence["seeds"]) == ("full", "test", 2)
        assert evidence["accuracy"] == member.test
        assert "Test accuracy" in one["claim"]
        assert "proxy" not in Path(one["files"]["card"]).read_text()
        full = run / "final/networks" / one["id"] / "weights.safetensors"
        weights = load_file(one["files"]["weights"])
        assert all(torch.equal(value, weights[name]) for name, value in load_file(full).items())

    proxies = open_run(run).pick("all", proxies=True)
    assert [one.arch_id for one in proxies] == [one.arch_id for one in before]
    (files,) = open_run(run).export("best", tmp_path / "proxy", proxies=True, code_only=True)
    assert "proxy training" in files.claim

    report = run / "final/networks" / front.members[0].arch_id / "report.json"
    report.unlink()

    with pytest.raises(RunFolderError, match=r"report\.json: cannot be read"):
        open_run(run).finals()


def test_a_final_front_is_written_with_weights_and_honest_code(searched: Path, run: Path) -> None:
    front = train_finalists(run, asked(searched))

    with (run / "final/front.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["arch_id"] for row in rows] == [one.arch_id for one in front.members]
    assert float(rows[0]["test"]) == front.members[0].test
    assert (run / "final/front.png").stat().st_size > 0
    for one in front.members:
        place = run / "final/networks" / one.arch_id
        assert find_trained(str(place), "`init`").arch.id == one.arch_id
        (code,) = (place / "export").glob("*.py")
        report = json.loads((place / "report.json").read_text())
        kept = next(e for e in report["seeds"] if e["seed"] == report["kept_seed"])
        text = " ".join(code.read_text().split())
        assert f"Test accuracy {kept['test']['accuracy']:.4f}" in text
        assert "Found by a search of" in text


@pytest.mark.slow
def test_stopped_anywhere_it_goes_on_to_the_same_front(
    searched: Path, run: Path, straight: FinalFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    front: FinalFront | None = None
    for stop_after in (2, 5, 7, 100):
        left = [stop_after]

        def on_epoch(job: TrainingJob, record: Any, left: list[int] = left) -> None:
            left[0] -= record.epoch == record.num_epochs
            if left[0] < 0:
                raise KeyboardInterrupt

        try:
            front = train_finalists(run, None if front else asked(searched), on_epoch=on_epoch)
        except KeyboardInterrupt:
            continue

    assert front == straight
    monkeypatch.setattr(module, "read_test", lambda *words: pytest.fail("read again"))
    assert train_finalists(run) == straight


def test_a_network_of_a_run_teaches_and_gives_weights_to_begin_with(
    searched: Path, tmp_path: Path
) -> None:
    member = open_run(searched / "run").pick("best")[0]
    named = f"{searched / 'run'}:{member.arch_id}"
    model = tmp_path / "model.yaml"
    model.write_text(dump_architecture(member.arch))
    words = {"recipe": str(searched / "quick.yaml"), "data": str(searched / "steps.npz")}
    short = ("epochs=1",)
    options_by_name: dict[str, dict[str, Any]] = {
        "plain": {"overrides": short},
        "taught": {"overrides": (*short, "distillation.weight=0.7"), "teacher": named},
        "begun": {"overrides": short, "init": named},
    }
    plain, taught, begun = (
        train_network(
            plan_training(str(model), **words, device="cpu", **options),
            tmp_path / name,
        )
        for name, options in options_by_name.items()
    )

    assert find_trained(named, "teacher").weights == member.weights()
    assert len({one.seeds[0]["validation"]["loss"] for one in (plain, taught, begun)}) == 3


def test_what_was_begun_otherwise_is_not_mixed(searched: Path, run: Path) -> None:
    def stop(job: TrainingJob, record: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_finalists(run, asked(searched), on_epoch=stop)

    with pytest.raises(RunFolderError, match="were begun with finalists 2, seeds 2"):
        train_finalists(run, asked(searched, finalists=3))


def test_other_test_images_than_a_front_began_with_are_refused(searched: Path, run: Path) -> None:
    def stop(job: TrainingJob, record: Any) -> None:
        raise KeyboardInterrupt

    def change(by: int) -> None:
        images, labels = arrays["images"].copy(), arrays["labels"]
        _, taken = split_off_test(torch.from_numpy(labels))
        images[taken[0]] += np.uint8(by)
        np.savez(path, images=images, labels=labels)

    path = searched / "steps.npz"
    arrays = dict(np.load(path))
    with pytest.raises(KeyboardInterrupt):
        train_finalists(run, asked(searched), on_epoch=stop)
    change(1)
    try:
        with pytest.raises(RunFolderError, match=r"as many test images, but.*move .*final away"):
            train_finalists(run)
    finally:
        change(0)
    with pytest.raises(KeyboardInterrupt):
        train_finalists(run, on_epoch=stop)


def test_test_images_are_read_once_after_everything(
    searched: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    read = module.read_test

    def noted(*words: Any) -> Any:
        events.append("test")
        return read(*words)

    monkeypatch.setattr(module, "read_test", noted)
    train_finalists(run, asked(searched), on_epoch=lambda job, record: events.append("epoch"))

    assert events.count("test") == 1
    assert events[-1] == "test"


def test_the_recipe_follows_the_candidates_size_and_that_is_said(run: Path) -> None:
    told: list[str] = []

    def stop(job: TrainingJob, record: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_finalists(run, tell=told.append, on_epoch=stop)

    assert "Recipe light (chosen for" in told[0]


def test_mistakes_are_user_errors(searched: Path, run: Path) -> None:
    with pytest.raises(OptionError, match="`finalists` 0"):
        asked(searched, finalists=0)
    with pytest.raises(UserError, match="no recipe of that name"):
        train_finalists(run, asked(searched, recipe="nothing"))
    assert not (run / "final/plan.json").exists()


def test_one_network_of_a_run_is_planned_on_the_runs_data(searched: Path, run: Path) -> None:
    with (run / "front.csv").open() as file:
        arch_id = next(csv.DictReader(file))["arch_id"]

    plan = plan_training(f"{run}:{arch_id[:8]}", recipe="light")

    assert plan.arch.id == arch_id
    assert plan.settings.data == str(searched / "steps.npz")
    with pytest.raises(OptionError, match="no network of this run begins so"):
        plan_training(f"{run}:zzz", recipe="light")


def test_an_option_of_the_data_leaves_the_runs_others(searched: Path, run: Path) -> None:
    (network, *_) = open_run(run).front()
    target = f"{run}:{network.arch_id}"
    own = open_run(run).settings.data_options

    plan = plan_training(target, recipe="light", data_changes={"flip": False})

    assert plan.settings.data_options == replace(own, flip=False)
    assert plan_training(target, recipe="light").settings.data_options == own
    assert own.resolution is not None


def _falling(networks: Container[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let trainings of these networks diverge; the ids of all that were begun."""
    begun: list[str] = []
    train = jobs.train_model

    def fall(model: Any, *words: Any, checkpoint: Any, **more: Any) -> Any:
        begun.append(checkpoint.identity["network"])
        if begun[-1] in networks:
            raise Diverged("training loss is nan in epoch 1")
        return train(model, *words, checkpoint=checkpoint, **more)

    monkeypatch.setattr(jobs, "train_model", fall)
    return begun


def test_a_network_that_diverges_is_left_out_and_named(
    searched: Path, run: Path, straight: FinalFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    fallen = straight.members[0].arch_id
    begun = _falling({fallen}, monkeypatch)
    told: list[str] = []

    front = train_finalists(run, asked(searched), tell=told.append)

    assert begun.count(fallen) == 1, "it is not tried on the next rung, nor in full"
    assert front.diverged == (fallen,)
    assert fallen not in {one.arch_id for one in front.members}
    assert len(front.members) == 2
    assert f"{fallen} diverged and is left out: training loss is nan in epoch 1" in told
    done = CliRunner().invoke(app, ["train", str(run)])
    assert f"Left out, because a training diverged: {fallen}." in done.output


def test_a_finalist_of_which_a_seed_diverges_is_left_out(
    searched: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run / "final" / "networks"
    begun: list[str] = []
    train = jobs.train_model

    def fall(model: Any, data: Any, recipe: Any, *, checkpoint: Any, **more: Any) -> Any:
        if recipe.epochs == 10:
            begun.append(checkpoint.identity["network"])
            if more["seed"] == 1 and begun[-1] == begun[0]:
                raise Diverged("validation loss is inf")
        return train(model, data, recipe, checkpoint=checkpoint, **more)

    monkeypatch.setattr(jobs, "train_model", fall)
    told: list[str] = []

    front = train_finalists(run, asked(searched), tell=told.append)

    assert front.diverged == (begun[0],)
    assert [one.arch_id for one in front.members] == [begun[-1]]
    assert f"{begun[0]} is left out: seed 1 diverged: validation loss is inf" in told
    assert not (folder / begun[0] / "report.json").exists()


def test_where_every_network_diverges_it_is_said_what_to_change(
    searched: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class All:
        def __contains__(self, name: object) -> bool:
            return True

    begun = _falling(All(), monkeypatch)  # type: ignore[arg-type]

    with pytest.raises(RecipeError, match=r"every network diverged; move .*final away, and train"):
        train_finalists(run, asked(searched))
    tried = len(begun)
    with pytest.raises(RecipeError, match="every network diverged"):
        train_finalists(run)
    assert len(begun) == tried, "none is tried again"


def test_the_command_line_prints_the_final_front(searched: Path, run: Path) -> None:
    words = ["train", str(run), "--recipe", str(searched / "quick.yaml"), "--finalists", "2"]

    done = CliRunner().invoke(app, [*words, "--seeds", "1", "--device", "cpu"])

    assert done.exit_code == 0, (done.output, done.exception)
    assert "of 2 finalists, by accuracy after recipe quick" in done.output
    assert "Validation less test accuracy of the final front" in done.output
    again = CliRunner().invoke(app, ["train", "--resume", str(run)])
    assert again.exit_code == 0
    assert done.output.strip().splitlines()[-1] in again.output


def test_finalists_are_judged_by_the_score_that_was_searched_for(
    searched: Path, tmp_path: Path
) -> None:
    """A rare class and some wrong labels: accuracy and balanced accuracy differ."""
    with np.load(searched / "steps.npz") as file:
        kept = (file["labels"] != 2) | (np.arange(150) % 4 == 0)
        labels = np.where(np.arange(150) % 5 == 0, (file["labels"] + 1) % 3, file["labels"])
        np.savez(tmp_path / "rare.npz", images=file["images"][kept], labels=labels[kept])
    words = ["search", "--space", str(searched / "small.yaml"), "--data", "rare.npz"]
    words += ["--objectives", "balanced_accuracy,params", "--epochs", "1", "--budget", "3"]
    words += ["--train-images", "64", "--workers", "local", "--sampler", "random", "--out", "run"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, (done.output, done.exception)
        front = train_finalists(tmp_path / "run", asked(searched, finalists=1, seeds=1))

    trials = {one.number: one for one in open_run(tmp_path / "run").trials()}
    (member,) = front.members
    scores = trials[member.trial].scores
    assert scores is not None
    report = tmp_path / "run/final/networks" / member.arch_id / "report.json"
    measured = json.loads(report.read_text())["validation"]
    assert front.score == "balanced_accuracy"
    assert member.proxy == scores.custom["balanced_accuracy"]
    assert member.validation == measured["balanced_accuracy"]["mean"]
    assert measured["balanced_accuracy"]["mean"] != measured["accuracy"]["mean"]


@pytest.mark.parametrize(
    "words", [["--out", "there"], ["--first-seed", "3"], ["--channels", "3"], ["--skip-bad"]]
)
def test_what_a_run_decides_cannot_be_asked_for(run: Path, words: list[str]) -> None:
    done = CliRunner().invoke(app, ["train", str(run), *words])

    assert isinstance(done.exception, OptionError)
    assert "RUN:ID" in str(done.exception)


def test_finalists_are_trained_where_the_data_are_now_and_on_no_others(
    searched: Path, run: Path, tmp_path: Path
) -> None:
    data = searched / "steps.npz"
    moved, other = tmp_path / "moved.npz", tmp_path / "other.npz"
    with np.load(data) as arrays:
        np.savez(moved, images=arrays["images"], labels=arrays["labels"])
        np.savez(other, images=arrays["images"], labels=arrays["labels"][::-1])
    words = ["train", str(run), "--finalists", "1", "--seeds", "1"]
    words += ["--recipe", str(searched / "quick.yaml")]

    refused = CliRunner().invoke(app, [*words, "--data", str(other)]).exception
    assert isinstance(refused, UserError)
    assert "bring back the data as they were" in str(refused)
    done = CliRunner().invoke(app, [*words, "--data", str(moved)])

    assert done.exit_code == 0, (done.output, done.exception)
    (network,) = (run / "final" / "networks").iterdir()
    assert json.loads((network / "training.json").read_text())["settings"]["data"] == str(moved)
