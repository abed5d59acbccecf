"""One network trained in full, with one seed or several, and what is said of it afterwards."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from nas.errors import Diverged, RecipeError
from nas.final._choose import read_data, read_test
from nas.final._curves import read_curves, write_curves
from nas.final._folder import TrainingFolder
from nas.final._plan import TrainingPlan, read_plan
from nas.final._results import FinalReport, SeedResult, write_results
from nas.final._trained import find_trained, read_weights
from nas.model import build_model, load_weights, save_weights
from nas.train import Checkpoint, data_digest, dump_recipe, measure_model, seeded, train_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    from nas.arch import Architecture
    from nas.data import ImageData
    from nas.train import EpochRecord

    OnEpoch = Callable[[int, EpochRecord], None]


def train_network(
    plan: TrainingPlan, out: Path, *, on_epoch: OnEpoch | None = None
) -> FinalReport:
    """Train a network in full and leave a folder with all that came of it.

    Args:
        plan: The network, the recipe, the data and the seeds.
        out: The folder to make.
        on_epoch: Called with (seed, epoch) after each epoch.

    Raises UserError; RecipeError where the training diverged.
    """
    data = read_data(plan.settings)
    _first_models(plan, data)
    folder = TrainingFolder.create(out)
    plan.write(folder)
    return _run(folder, plan, data, on_epoch)


def resume_training(out: Path, *, on_epoch: OnEpoch | None = None) -> FinalReport:
    """Go on with a training that was stopped, to the bits it would have had.

    Takes what `train_network` takes and raises what it raises. Of a training that is over, the
    report is read, and nothing else.
    """
    folder, plan = read_plan(out)
    if (out / "report.json").exists():
        return FinalReport.read(folder)
    return _run(folder, plan, read_data(plan.settings), on_epoch)


def _run(
    folder: TrainingFolder, plan: TrainingPlan, data: ImageData, on_epoch: OnEpoch | None
) -> FinalReport:
    with folder.lock(), _threads(plan.settings.threads):
        results = []
        for seed in plan.settings.seeds:
            results.append(_one_seed(folder, plan, data, seed, on_epoch))
            write_curves(folder, results)
        test = _test_metrics(folder, plan, data)
        return write_results(folder, plan, data, results, test)


def _one_seed(
    folder: TrainingFolder,
    plan: TrainingPlan,
    data: ImageData,
    seed: int,
    on_epoch: OnEpoch | None,
) -> SeedResult:
    place = folder.seed(seed)
    if (place / "weights.safetensors").exists():
        return read_curves(place, seed)
    model, teacher = _models(plan, data, seed)
    checkpoint = Checkpoint(path=place / "checkpoint.pt", identity=_identity(plan, data, seed))
    try:
        trained = train_model(
            model,
            data,
            plan.recipe,
            seed=seed,
            device=plan.settings.device,
            teacher=teacher,
            checkpoint=checkpoint,
            on_epoch=(lambda record: on_epoch(seed, record)) if on_epoch else None,
        )
    except Diverged as error:
        raise RecipeError(_what_to_change(folder.path, plan, seed, error)) from error
    result = SeedResult(seed=seed, history=trained.history, chosen=trained.chosen.epoch)
    result.write(place)
    # Last of this seed: their presence says that it is over.
    TrainingFolder(place).write("weights.safetensors", save_weights(model))
    with suppress(OSError):
        checkpoint.path.unlink()
    return result


def _identity(plan: TrainingPlan, data: ImageData, seed: int) -> dict[str, str]:
    settings = plan.settings
    return {
        "network": plan.arch.id,
        "recipe": dump_recipe(plan.recipe),
        "seed": str(seed),
        "set of images": data_digest(data),
        "number of threads": str(settings.threads),
        "device": settings.device,
    }


def _models(plan: TrainingPlan, data: ImageData, seed: int) -> tuple[nn.Module, nn.Module | None]:
    """The network as its training begins, and its teacher."""
    settings = plan.settings
    with seeded(seed):
        model = _build(plan.arch, data)
    if settings.init is not None:
        _fill(model, read_weights(settings.init, "--init"), f"--init {settings.init}")
    if settings.teacher is None:
        return model, None
    found = find_trained(settings.teacher, "--teacher")
    teacher = _build(found.arch, data)
    _fill(teacher, found.weights, f"--teacher {settings.teacher}")
    return model, teacher


def _first_models(plan: TrainingPlan, data: ImageData) -> None:
    """Raise UserError now for what would be wrong later."""
    if plan.recipe.distillation is not None and plan.settings.teacher is None:
        raise RecipeError(
            f"recipe {plan.recipe.name}: distillation needs a teacher; name one with --teacher, "
            "or leave it out with --set distillation=none"
        )
    _models(plan, data, plan.settings.seeds[0])


def _build(arch: Architecture, data: ImageData) -> nn.Module:
    return build_model(arch, in_channels=data.input_shape[0], num_classes=data.num_classes)


def _fill(model: nn.Module, weights: bytes, what: str) -> None:
    try:
        load_weights(model, weights)
    except (RuntimeError, ValueError) as error:
        lines = [line.strip() for line in str(error).strip().splitlines()]
        raise RecipeError(
            f"{what}: these weights do not fit the network ({lines[:2][-1]}); they must be of the "
            "same architecture, image channels and classes"
        ) from error


def _test_metrics(
    folder: TrainingFolder, plan: TrainingPlan, data: ImageData
) -> tuple[dict[str, float], ...]:
    """Of each seed on the test images, which are read here and nowhere else."""
    settings = plan.settings
    test = read_test(settings, data)
    measured = []
    for seed in settings.seeds:
        model = _build(plan.arch, data)
        load_weights(model, (folder.seed(seed) / "weights.safetensors").read_bytes())
        model.to(settings.device).to(memory_format=torch.channels_last)
        measured.append(measure_model(model, test, data) | {"images": float(len(test))})
    return tuple(measured)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Within this context torch computes with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _what_to_change(path: Path, plan: TrainingPlan, seed: int, error: Diverged) -> str:
    optimizer = plan.recipe.optimizer
    ways = [f"--set optimizer.rate={optimizer.rate / 3:.3g}"]
    if optimizer.clip_norm is None:
        ways.append("--set optimizer.clip_norm=1")
    if plan.recipe.schedule.warm_up < 0.1:
        ways.append("--set schedule.warm_up=0.1")
    return (
        f"{path}: the training of seed {seed} diverged: {error}. Begin again with another --out "
        f"and one of {', '.join(ways)}"
    )
