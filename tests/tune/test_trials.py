from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.data import load_data
from nas.errors import RecipeError
from nas.final import plan_training, resume_training, train_network
from nas.final._jobs import TrainingJob
from nas.final._with_ray import ray_runner
from nas.tune import Resources, run_trials
from nas.workers import open_ray
from tests.final.small_model import write_files
from tests.tune.work import count, interrupt, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nas.final._jobs import OnEpoch
    from nas.train import EpochRecord
    from nas.tune._trials import Work

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.xdist_group("ray")]


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[None]:
    """One Ray for all tests of this file."""
    with open_ray():
        yield


@pytest.mark.slow
def test_a_trial_whose_process_dies_goes_on_where_it_was(tmp_path: Path) -> None:
    died, on_ctrl_c = tmp_path / "died", signal.getsignal(signal.SIGINT)
    over: list[int] = []

    folders = run_trials(
        count, [(1, ""), (10, str(died))], tmp_path / "storage", on_over=over.append
    )

    assert died.exists()
    assert (folders[0] / "count.txt").read_text() == "1 2 3 "
    # Not 10 20 10 20 30: what was told before the death was kept.
    assert (folders[1] / "count.txt").read_text() == "10 20 30 "
    assert over == [1, 2]
    assert signal.getsignal(signal.SIGINT) is on_ctrl_c
    again = run_trials(count, [(1, ""), (10, str(died))], tmp_path / "storage")
    assert again == folders


@pytest.mark.slow
def test_ctrl_c_is_told_and_the_same_call_goes_on(tmp_path: Path) -> None:
    before, pressed = tmp_path / "before", tmp_path / "pressed"
    before.touch()
    payloads = [(os.getpid(), str(before)), (os.getpid(), str(pressed))]
    with pytest.raises(KeyboardInterrupt):
        run_trials(interrupt, payloads, tmp_path / "storage", resources=Resources(at_once=1))

    over: list[int] = []
    told: list[tuple[int, float]] = []
    folders = run_trials(
        interrupt,
        payloads,
        tmp_path / "storage",
        on_over=over.append,
        on_told=lambda index, metrics: told.append((index, metrics.get("step", 0.0))),
    )
    assert all((folder / "done.txt").exists() for folder in folders)
    # Callbacks that Tune had kept would be those of the session before.
    assert over == [2]
    assert told == [(1, 1.0), (1, 0.0)]


def test_what_the_user_can_mend_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="--number 3: cannot be"):
        run_trials(refuse, [3], tmp_path / "storage")


def test_the_storage_may_be_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    [folder] = run_trials(count, [(1, "")], Path("runs") / "storage")

    assert (folder / "count.txt").read_text() == "1 2 3 "


def test_seeds_as_trials_end_with_the_bits_they_have_in_this_process(
    tmp_path: Path, npz: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All paths are relative: the trials' working directory is not the driver's."""
    model, recipe = write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    data = str(npz.relative_to(tmp_path))
    teacher = train_network(plan_training(model, recipe=recipe, data=data), Path("teacher"))
    assert teacher.seeds
    plan = plan_training(
        model, recipe=recipe, data=data, device="cpu", seeds=range(2), teacher="teacher"
    )

    epochs: dict[str, set[tuple[int, int, float]]] = {"here": set(), "there": set()}

    def noted(place: str) -> OnEpoch:
        return lambda job, record: epochs[place].add((job.seed, record.epoch, record.train_loss))

    Path("storage").mkdir()
    Path("storage", "mine.txt").touch()
    runner = ray_runner(Path("storage"), at_once=2)
    here = train_network(plan, Path("here"), on_epoch=noted("here"))
    there = train_network(plan, Path("there"), on_epoch=noted("there"), runner=runner)
    assert epochs["there"] == epochs["here"]
    assert len(epochs["here"]) == 2 * 3
    assert [path.name for path in Path("storage").iterdir()] == ["mine.txt"]

    for seed in (0, 1):
        one, other = (tmp_path / name / f"seed-{seed}" for name in ("here", "there"))
        weights = [(place / "weights.safetensors").read_bytes() for place in (one, other)]
        assert weights[0] == weights[1]
    drop = {"seeds": (), "environment": {}}
    assert dataclasses.replace(here, **drop) == dataclasses.replace(there, **drop)


@pytest.mark.slow
def test_stopped_on_ray_it_goes_on_without_and_loses_no_epoch(tmp_path: Path, npz: Path) -> None:
    model, recipe = write_files(tmp_path)
    plan = plan_training(model, recipe=recipe, data=str(npz), device="cpu", seeds=range(2))
    straight = train_network(plan, tmp_path / "straight")

    def press(job: TrainingJob, record: EpochRecord) -> None:
        if (job.seed, record.epoch) == (1, 2):
            os.kill(os.getpid(), signal.SIGINT)

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train_network(plan, out, on_epoch=press, runner=ray_runner(out / "tune", at_once=1))
    assert (out / "seed-0" / "weights.safetensors").exists()
    assert (out / "seed-1" / "checkpoint.pt").exists()
    epochs: list[tuple[int, int]] = []

    report = resume_training(
        out, on_epoch=lambda job, record: epochs.append((job.seed, record.epoch))
    )

    assert epochs in ([(1, 2), (1, 3)], [(1, 3)])
    assert report.test == straight.test
    for seed in (0, 1):
        ends = [
            tmp_path / name / f"seed-{seed}" / "weights.safetensors"
            for name in ("straight", "out")
        ]
        assert ends[0].read_bytes() == ends[1].read_bytes()


@pytest.mark.slow
def test_what_other_lists_of_trainings_left_behind_is_gone_on_with(
    tmp_path: Path, npz: Path
) -> None:
    """One of two is over when Ctrl-C comes, and the other gets ahead without Ray."""
    model, recipe = write_files(tmp_path)
    plan = plan_training(model, recipe=recipe, data=str(npz), device="cpu", seeds=range(2))
    out, epochs = tmp_path / "out", list[tuple[int, int]]()

    def press(job: TrainingJob, record: EpochRecord) -> None:
        if (job.seed, record.epoch) == (1, 1):
            os.kill(os.getpid(), signal.SIGINT)

    def stop(job: TrainingJob, record: EpochRecord) -> None:
        if record.epoch == 2:
            raise KeyboardInterrupt

    runner = ray_runner(out / "tune", at_once=1)
    with pytest.raises(KeyboardInterrupt):
        train_network(plan, out, on_epoch=press, runner=runner)
    with pytest.raises(KeyboardInterrupt):
        resume_training(out, on_epoch=stop)
    resume_training(
        out,
        on_epoch=lambda job, record: epochs.append((job.seed, record.epoch)),
        runner=runner,
    )

    assert epochs == [(1, 3)]
    assert not (out / "tune").exists()


def test_the_longest_trainings_begin_first(
    tmp_path: Path, npz: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, recipe = write_files(tmp_path)
    wide = tmp_path / "wide.yaml"
    wide.write_text(Path(model).read_text() + "width: 4\n")
    jobs = [
        TrainingJob(
            plan=plan_training(str(file), recipe=recipe, data=str(npz)),
            seed=0,
            place=tmp_path / Path(file).stem,
        )
        for file in (model, wide)
    ]
    begun: list[str] = []

    def run_here(
        work: Work, payloads: Sequence[TrainingJob], *_: object, **__: object
    ) -> list[Path]:
        begun.extend(job.place.name for job in payloads)
        places = [tmp_path / "storage" / job.place.name for job in payloads]
        for job, place in zip(payloads, places, strict=True):
            place.mkdir(parents=True)
            work(job, place, lambda told: None)
        return places

    monkeypatch.setattr("nas.final._with_ray.run_trials", run_here)
    ray_runner(tmp_path / "storage")(jobs, load_data(str(npz)), None)

    assert begun == ["wide", "tiny"]
    assert all(job.is_over for job in jobs)
