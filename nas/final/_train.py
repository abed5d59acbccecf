"""One network trained in full, with one seed or several, and what is said of it afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from nas.data import NOT_MOVED
from nas.errors import OptionError, RecipeError
from nas.export import check_exportable
from nas.families import loaded_plugins
from nas.final._choose import fingerprint_all, read_data, read_test
from nas.final._curves import write_curves
from nas.final._folder import TrainingFolder
from nas.final._jobs import TrainingJob, build, first_models, run_here
from nas.final._plan import TrainingPlan, check_same_data, read_plan
from nas.final._results import FinalReport, Judged, write_results
from nas.model import load_weights
from nas.train import check_recipe, head_fault, measure_model, missed_classes, task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nas.data import DataFingerprint, ImageData, MovedData
    from nas.final._choose import HeldOutImages
    from nas.final._jobs import OnEpoch, Runner
    from nas.final._results import SeedResult


def train_network(
    plan: TrainingPlan,
    out: Path,
    *,
    on_data: Callable[[ImageData], None] | None = None,
    on_epoch: OnEpoch | None = None,
    runner: Runner = run_here,
) -> FinalReport:
    """Train a network in full and leave a folder with all that came of it.

    Args:
        plan: The network, the recipe, the data and the seeds.
        out: The folder to make.
        on_data: Called with the data before anything is trained.
        on_epoch: Called with (job, epoch) after each epoch.
        runner: Where the trainings run.

    Raises UserError; RecipeError where the training diverged.
    """
    data = read_checked(plan)
    if on_data is not None:
        on_data(data)
    seen = fingerprint_all(plan.settings, data)
    folder = TrainingFolder.create(out)
    plan.write(folder, seen)
    return _run(folder, plan, data, seen, on_epoch, runner)


def resume_training(
    out: Path | str,
    *,
    moved: MovedData = NOT_MOVED,
    on_epoch: OnEpoch | None = None,
    runner: Runner = run_here,
) -> FinalReport:
    """Go on with a training that was stopped, to the bits it would have had.

    Takes what `train_network` takes, and where the data are now, and raises what it raises. Of a
    training that is over, the report is read, and nothing else.
    """
    out = Path(out)
    folder, plan = read_plan(out)
    if (out / "report.json").exists():
        return FinalReport.read(folder)
    plan = replace(plan, settings=moved.applied_to(plan.settings))
    data = read_data(plan.settings)
    seen = fingerprint_all(plan.settings, data)
    check_same_data(out / "training.json", data.name, seen)
    return _run(folder, plan, data, seen, on_epoch, runner)


def read_checked(plan: TrainingPlan) -> ImageData:
    """The data of a plan that suits them. Raises UserError."""
    data = read_data(plan.settings)
    check_plan(plan, data)
    return data


def check_plan(plan: TrainingPlan, data: ImageData) -> None:
    """Raise UserError now for what would be wrong later."""
    if plan.recipe.distillation is not None and plan.settings.teacher is None:
        raise RecipeError(
            f"recipe {plan.recipe.name}: distillation needs a teacher; name one with `teacher`, "
            "or leave it out with `overrides` distillation=none"
        )
    task = data.options.task
    if (need := head_fault(plan.arch.head, task, data.num_classes)) is not None:
        raise OptionError(
            f"{plan.arch.name}: head {plan.arch.head.kind} does not suit `task` {task}, which "
            f"needs {need}"
        )
    check_recipe(plan.recipe, data.train.pixels, task_of(data))
    if loaded_plugins():
        check_exportable()
    first_models(plan, data, plan.settings.seeds[0])


def seed_jobs(folder: TrainingFolder, plan: TrainingPlan) -> list[TrainingJob]:
    """One job for each seed of the plan, with its place in the folder."""
    return [
        TrainingJob(plan=plan, seed=seed, place=folder.seed(seed)) for seed in plan.settings.seeds
    ]


def conclude(
    folder: TrainingFolder,
    plan: TrainingPlan,
    data: ImageData,
    results: Sequence[SeedResult],
    test: HeldOutImages,
) -> FinalReport:
    """Curves, figures of the test images, weights and code of trainings that are over."""
    write_curves(folder, results)
    judged = [_judged(job, data, test) for job in seed_jobs(folder, plan)]
    return write_results(folder, plan, data, results, judged)


def _run(
    folder: TrainingFolder,
    plan: TrainingPlan,
    data: ImageData,
    seen: DataFingerprint,
    on_epoch: OnEpoch | None,
    runner: Runner,
) -> FinalReport:
    with folder.lock():
        results = runner(seed_jobs(folder, plan), data, on_epoch)
        # Looked at here and nowhere else, when nothing is left to choose.
        test = read_test(plan.settings, data)
        now = seen.with_test(test.images)
        check_same_data(folder.path / "training.json", data.name, now)
        return conclude(folder, plan, data, results, test)


def _judged(job: TrainingJob, data: ImageData, test: HeldOutImages) -> Judged:
    model = build(job.plan.arch, data)
    load_weights(model, (job.place / "weights.safetensors").read_bytes())
    model.to(job.plan.settings.device).to(memory_format=torch.channels_last)
    has_classes = data.options.task == "classification"
    return Judged(
        test=measure_model(model, test.images, data),
        test_images=len(test.images),
        test_seen=test.seen,
        missed_classes=missed_classes(model, data.val, data) if has_classes else (),
    )
