"""One training with one seed as a job: where it leaves its files, and how a list of jobs is run.

A job is a function of its record, and leaves its checkpoint, curves and weights in its place. So
whoever runs it again goes on where it was, and one that is over is only read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch

from nas.cost import cost_of
from nas.errors import Diverged, RecipeError, RunFolderError
from nas.final._folder import TrainingFolder
from nas.final._results import SeedResult
from nas.final._trained import find_trained, read_weights
from nas.model import build_model, load_weights, save_weights
from nas.train import (
    Checkpoint,
    data_digest,
    dump_recipe,
    keep_freed_memory,
    seeded,
    train_model,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import nn

    from nas.arch import Architecture
    from nas.data import ImageData
    from nas.final._plan import TrainingPlan
    from nas.train import EpochRecord, Recipe


JOB_FILES = ("checkpoint.pt", "history.json", "diverged.txt", "weights.safetensors")
"""What a job writes into its place; the last two end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """One network, one recipe, one seed."""

    plan: TrainingPlan
    seed: int
    place: Path
    """The folder that it writes to."""
    may_diverge: bool = False
    """Whether that is a result, as of one network among many, and no error."""

    @property
    def is_over(self) -> bool:
        """Whether its weights are there, which are written last, or it diverged."""
        return (self.place / "weights.safetensors").exists() or self.has_diverged

    @property
    def has_diverged(self) -> bool:
        """Whether it was tried, and its loss did not stay finite."""
        return self.may_diverge and (self.place / "diverged.txt").exists()


OnEpoch: TypeAlias = "Callable[[TrainingJob, EpochRecord], None]"
Runner: TypeAlias = (
    "Callable[[Sequence[TrainingJob], ImageData, OnEpoch | None], list[SeedResult]]"
)


def run_here(
    jobs: Sequence[TrainingJob], data: ImageData, on_epoch: OnEpoch | None = None
) -> list[SeedResult]:
    """Run jobs in this process, one after the other; results in their order. Raises UserError."""
    return [run_job(job, data, on_epoch) for job in jobs]


def run_job(job: TrainingJob, data: ImageData, on_epoch: OnEpoch | None = None) -> SeedResult:
    """Train, or go on, or read what is over.

    Raises:
        RecipeError: The training diverged, and may not.
        RunFolderError: Its place cannot be written, or holds another training.
    """
    if job.is_over:
        return _read(job)
    plan, settings = job.plan, job.plan.settings
    keep_freed_memory()
    model, teacher = first_models(plan, data, job.seed)
    job.place.mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint(path=job.place / "checkpoint.pt", identity=_identity(job, data))
    try:
        with _threads(settings.threads):
            trained = train_model(
                model,
                data,
                plan.recipe,
                seed=job.seed,
                device=settings.device,
                teacher=teacher,
                checkpoint=checkpoint,
                kernels=settings.kernels,
                on_epoch=(lambda record: on_epoch(job, record)) if on_epoch else None,
            )
    except Diverged as error:
        if not job.may_diverge:
            raise RecipeError(_what_to_change(job, error)) from error
        TrainingFolder(job.place).write("diverged.txt", str(error).encode())
        _drop(checkpoint)
        return SeedResult.failed(job.seed, str(error))
    result = SeedResult(
        seed=job.seed,
        history=trained.history,
        chosen=trained.chosen.epoch,
        kernels=f"{trained.kernels.kernels}: {trained.kernels.reason}",
    )
    result.write(job.place)
    TrainingFolder(job.place).write("weights.safetensors", save_weights(model))
    _drop(checkpoint)
    return result


def _drop(checkpoint: Checkpoint) -> None:
    with suppress(OSError):
        checkpoint.path.unlink()


def first_models(
    plan: TrainingPlan, data: ImageData, seed: int
) -> tuple[nn.Module, nn.Module | None]:
    """The network as its training begins, and its teacher. Raises UserError."""
    settings = plan.settings
    with seeded(seed):
        model = build(plan.arch, data)
    if settings.init is not None:
        _fill(model, read_weights(settings.init, "`init`"), f"`init` {settings.init}")
    if settings.teacher is None:
        return model, None
    found = find_trained(settings.teacher, "`teacher`")
    teacher = build(found.arch, data)
    _fill(teacher, found.weights, f"`teacher` {settings.teacher}")
    return model, teacher


def build(arch: Architecture, data: ImageData) -> nn.Module:
    """The network of an architecture for these data. Raises IllegalArchitecture."""
    # Counts with the images' size, which modules meet only when they run.
    cost_of(arch, input_shape=data.input_shape, num_classes=data.num_classes)
    return build_model(arch, in_channels=data.input_shape[0], num_classes=data.num_classes)


def _read(job: TrainingJob) -> SeedResult:
    path = job.place / ("diverged.txt" if job.has_diverged else "history.json")
    try:
        if job.has_diverged:
            return SeedResult.failed(job.seed, path.read_text(encoding="utf-8"))
        return SeedResult.of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunFolderError(
            f"{path}: cannot be read ({error}); delete {job.place}, and this training begins anew"
        ) from error


def _identity(job: TrainingJob, data: ImageData) -> dict[str, str]:
    settings = job.plan.settings
    return {
        "network": job.plan.arch.id,
        "recipe": dump_recipe(job.plan.recipe),
        "seed": str(job.seed),
        "set of images": data_digest(data),
        "number of threads": str(settings.threads),
        "device": settings.device.partition(":")[0],
    }


def _fill(model: nn.Module, weights: bytes, what: str) -> None:
    try:
        load_weights(model, weights)
    except (RuntimeError, ValueError) as error:
        lines = [line.strip() for line in str(error).strip().splitlines()]
        raise RecipeError(
            f"{what}: these weights do not fit the network ({lines[:2][-1]}); they must be of the "
            "same architecture, image channels and classes"
        ) from error


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Within this context torch computes with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _what_to_change(job: TrainingJob, error: Diverged) -> str:
    return (
        f"{job.place}: the training of seed {job.seed} diverged: {error}. Begin again with "
        f"another `out` and one of {ways_to_hold(job.plan.recipe)}"
    )


def ways_to_hold(recipe: Recipe) -> str:
    """Changes that keep a training from diverging."""
    ways = [f"`overrides` optimizer.rate={recipe.optimizer.rate / 3:.3g}"]
    if recipe.optimizer.clip_norm is None:
        ways.append("`overrides` optimizer.clip_norm=1")
    if recipe.schedule.warm_up < 0.1:
        ways.append("`overrides` schedule.warm_up=0.1")
    return ", ".join(ways)
