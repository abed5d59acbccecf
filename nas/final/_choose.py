"""From what a user names to a complete plan: network, recipe, data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

from nas.cost import cost_of
from nas.data import (
    DEFAULT_OPTIONS,
    absolute_data,
    absolute_dir,
    count_seen,
    fingerprint,
    load_data,
    load_test,
)
from nas.errors import OptionError
from nas.final._plan import TrainingPlan, TrainingSettings
from nas.final._trained import absolute_trained, split_member
from nas.space import load_architecture
from nas.train import load_recipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nas.arch import Architecture
    from nas.data import DataFingerprint, DataOptions, ImageData, Images
    from nas.train import KernelsWanted

DEFAULT_DATA = "fashion_mnist"
RECIPES_BY_PARAMS = ((15_000, "light"), (100_000, "standard"))
"""The recipe for networks of up to so many parameters; `full` beyond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """What is trained, and what a run says of its data."""

    arch: Architecture
    data: str
    data_dir: str | None
    options: DataOptions
    origin: str


def plan_training(
    target: str,
    *,
    recipe: str | None = None,
    overrides: Sequence[str] = (),
    data: str | None = None,
    data_dir: Path | None = None,
    data_options: DataOptions | None = None,
    data_changes: Mapping[str, Any] = MappingProxyType({}),
    seeds: Iterable[int] = (0,),
    teacher: str | None = None,
    init: str | None = None,
    device: str | None = None,
    threads: int = 1,
    kernels: KernelsWanted = "auto",
) -> TrainingPlan:
    """A plan for `train_network`, with everything that was left out decided.

    Args:
        target: A model file by name or path, or RUN:ID.
        recipe: By name or path; chosen by the network's size where None.
        overrides: `KEY=VALUE`, applied to the recipe.
        data: As `load_data` takes it; a run's own where None, or Fashion-MNIST.
        data_dir: Where the data set's files are.
        data_options: How images are read; as a run read them where None.
        data_changes: Fields of those options that are to have other values.
        seeds: One training each.
        teacher: A trained network, as `find_trained` takes it.
        init: Weights to begin with.
        device: As torch names it; a GPU where there is one, where None.
        threads: Of the CPU.
        kernels: What computes a step on the CPU; tried out where `auto`.

    Raises UserError.
    """
    found = _find(target)
    settings = TrainingSettings(
        data=absolute_data(data or found.data),
        data_dir=absolute_dir(data_dir or found.data_dir),
        data_options=replace(data_options or found.options, **data_changes),
        seeds=tuple(seeds),
        device=find_device(device),
        threads=threads,
        kernels=kernels,
        teacher=absolute_trained(teacher),
        init=absolute_trained(init),
        origin=found.origin,
    )
    chosen, why = (recipe, "") if recipe is not None else _recipe_for(found.arch, settings)
    return TrainingPlan(
        arch=found.arch, recipe=load_recipe(chosen, overrides), chosen=why, settings=settings
    )


def _find(target: str) -> _Target:
    member = split_member(target)
    if member is None:
        arch = load_architecture(target)
        return _Target(
            arch=arch, data=DEFAULT_DATA, data_dir=None, options=DEFAULT_OPTIONS, origin=""
        )
    from nas.run import find_network, open_run

    run = open_run(member[0])
    settings = run.settings
    return _Target(
        arch=find_network(run, member[1]),
        data=settings.data,
        data_dir=settings.data_dir,
        options=settings.data_options,
        origin=f"Found by a search of {settings.space} with budget {settings.budget}, seed "
        f"{settings.seed}, then trained by `nas train`.",
    )


def _recipe_for(arch: Architecture, settings: TrainingSettings) -> tuple[str, str]:
    """By parameters, for these data; and why."""
    data = read_data(settings)
    cost = cost_of(arch, input_shape=data.input_shape, num_classes=data.num_classes)
    return choose_recipe(cost.params, settings.data_options.task)


def choose_recipe(params: int, task: str) -> tuple[str, str]:
    """The recipe for networks of so many parameters and this task, and a few words on why."""
    if task != "classification":
        # The others mix images and change colours, which masks and several labels do not bear.
        return "light", f" (chosen for {task}; `recipe` names another)"
    name = next((name for most, name in RECIPES_BY_PARAMS if params <= most), "full")
    return name, f" (chosen for {params:,} parameters; `recipe` names another)"


def read_data(settings: TrainingSettings) -> ImageData:
    """What is trained and validated on."""
    return load_data(
        settings.data,
        data_dir=Path(settings.data_dir) if settings.data_dir else None,
        seed=settings.split_seed,
        options=settings.data_options,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutImages:
    """The images that nothing was chosen by."""

    images: Images
    seen: int | None
    """Of these, how many were trained or validated on, pixel by pixel; None: not compared."""


def read_test(settings: TrainingSettings, data: ImageData) -> HeldOutImages:
    """The test images, at the size that the network was trained at."""
    images = _test_images(settings, data)
    return HeldOutImages(images=images, seen=count_seen(images, data))


def fingerprint_all(settings: TrainingSettings, data: ImageData) -> DataFingerprint:
    """Of the test images too, of which nothing else is kept."""
    return fingerprint(data, _test_images(settings, data))


def _test_images(settings: TrainingSettings, data: ImageData) -> Images:
    return load_test(
        settings.data,
        data_dir=Path(settings.data_dir) if settings.data_dir else None,
        options=data.options,
    )


def seen_warning(seen: int | None) -> tuple[str, ...]:
    """A sentence on test images that were trained or validated on; none without such."""
    if not seen:
        return ()
    return (
        f"Warning: {seen:,} of the test images are among those trained or validated on, pixel by "
        "pixel, so their figures flatter.",
    )


def find_device(wanted: str | None) -> str:
    """The device to train on; a GPU where there is one. Raises OptionError."""
    if wanted is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind = wanted.partition(":")[0]
    if kind not in ("cpu", "cuda"):
        raise OptionError(f"`device` {wanted}: unknown device (allowed: cpu, cuda, cuda:N)")
    if kind == "cuda" and not torch.cuda.is_available():
        raise OptionError(f"`device` {wanted}: torch finds no GPU here; write cpu")
    return wanted
