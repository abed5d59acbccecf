"""Trainings that are stopped, go on, and find things as they were or otherwise."""

from __future__ import annotations

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
from rich.console import Console
from typer.testing import CliRunner

from nas.cli import app
from nas.cli._train import _Where
from nas.data import NOT_MOVED
from nas.errors import DataError, OptionError, RunFolderError
from nas.final import FinalReport, read_plan, resume_training, train_network
from nas.final import _train as module
from tests.final.small_model import weights_of, write_files
from tests.small_data import blobs

if TYPE_CHECKING:
    from nas.final import TrainingJob
    from nas.train import EpochRecord


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
