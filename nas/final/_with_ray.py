"""Jobs as trials of Ray Tune: several at a time, on one machine or many.

After each epoch a job's files are brought to its place, as if it were trained in this process,
and trials begin with what is there. So whoever goes on with it, with Ray or without, loses no more
than the epoch under way, and Tune's own state matters only while it runs.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cost import cost_of
from nas.data import absolute_dir
from nas.errors import RunFolderError
from nas.final._choose import read_data
from nas.final._jobs import JOB_FILES, TrainingJob, run_job
from nas.report import replacing
from nas.train import EpochRecord
from nas.tune import Resources, run_trials
from nas.workers import open_ray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nas.data import ImageData
    from nas.final._jobs import OnEpoch, Runner
    from nas.final._results import SeedResult
    from nas.tune import Tell


OWN = "trainings_of_nas"
"""The folder in a storage that is ours, and made anew each time."""


def ray_runner(
    storage: Path | str,
    *,
    at_once: int | None = None,
    address: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Runner:
    """A runner whose jobs are trials: they survive workers that die, and drivers.

    A trial has as many CPUs as its plan has threads, and a GPU where its plan's device is one.

    Args:
        storage: Where Tune keeps its state while it runs; on storage that all nodes share.
        at_once: Most trials at a time; as many as there are CPUs for where None.
        address: Of a running Ray; starts one here where None.
        tell: Called with a line when a training is over.
    """
    own = Path(storage) / OWN

    def run(
        jobs: Sequence[TrainingJob], data: ImageData, on_epoch: OnEpoch | None
    ) -> list[SeedResult]:
        waiting = sorted(
            (job for job in jobs if not job.is_over),
            key=lambda job: _macs(job, data),
            reverse=True,  # so that no core waits long for the last one
        )
        if waiting:
            settings = waiting[0].plan.settings
            gpus = 1.0 if settings.device.startswith("cuda") else 0.0
            shutil.rmtree(own, ignore_errors=True)
            with open_ray(address):
                folders = run_trials(
                    _work,
                    [_anywhere(job) for job in waiting],
                    own,
                    resources=Resources(cpus=settings.threads, gpus=gpus, at_once=at_once),
                    on_over=lambda over: tell(f"{over} of {len(waiting)} trainings are over"),
                    on_told=_passed_on(waiting, on_epoch),
                    on_saved=_brought_home(waiting),
                )
            for job, folder in zip(waiting, folders, strict=True):
                _bring(folder, job)
            shutil.rmtree(own, ignore_errors=True)
            with suppress(OSError):
                own.parent.rmdir()  # unless it holds anything else
        return [run_job(job, data) for job in jobs]

    return run


def _passed_on(
    jobs: Sequence[TrainingJob], on_epoch: OnEpoch | None
) -> Callable[[int, dict[str, Any]], None]:
    """What a worker tells of an epoch, as a training in this process would."""

    def on_told(index: int, told: dict[str, Any]) -> None:
        if on_epoch is not None and "record" in told:
            on_epoch(jobs[index], EpochRecord(**told["record"]))

    return on_told


def _anywhere(job: TrainingJob) -> TrainingJob:
    """The job with paths that hold in a trial's working directory too, and the GPU it sees."""
    settings = job.plan.settings
    data_dir = absolute_dir(settings.data_dir, settings.data)
    device = settings.device.partition(":")[0]  # Ray shows a trial its own GPU alone
    plan = replace(job.plan, settings=replace(settings, data_dir=data_dir, device=device))
    return replace(job, plan=plan, place=job.place.resolve())


def _brought_home(jobs: Sequence[TrainingJob]) -> Callable[[int, str], None]:
    """What brings a trial's newest folder to its job's place."""

    def on_saved(index: int, folder: str) -> None:
        with suppress(OSError, RunFolderError):  # a full disk is told when the last copy fails
            _bring(Path(folder), jobs[index])

    return on_saved


def _bring(folder: Path, job: TrainingJob) -> None:
    """Copy what a trial has put away into its job's place, the file that ends it last."""
    job.place.mkdir(parents=True, exist_ok=True)
    for name in JOB_FILES:
        if (folder / name).exists():
            with replacing(job.place / name) as draft:
                shutil.copyfile(folder / name, draft)
    if job.is_over:
        (job.place / "checkpoint.pt").unlink(missing_ok=True)


def _work(job: TrainingJob, folder: Path, tell: Tell) -> None:
    """One job on a worker, which may have another disk."""
    if not any(folder.iterdir()) and job.place.is_dir():
        shutil.copytree(job.place, folder, dirs_exist_ok=True)
    run_job(
        replace(job, place=folder),
        read_data(job.plan.settings),
        lambda _, record: tell(
            {
                "accuracy": record.validation["accuracy"],
                "epoch": float(record.epoch),
                "record": asdict(record),
            }
        ),
    )


def _macs(job: TrainingJob, data: ImageData) -> int:
    shape, classes = data.input_shape, data.num_classes
    return cost_of(job.plan.arch, input_shape=shape, num_classes=classes).macs
