"""Full training in one call, as `nas.train`."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import OptionError
from nas.final._choose import plan_training
from nas.final._jobs import run_here
from nas.final._train import train_network
from nas.final._with_ray import ray_runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.data import DataOptions
    from nas.final._jobs import OnEpoch, Runner
    from nas.final._results import FinalReport
    from nas.train import KernelsWanted


def train(
    target: str | Path,
    *,
    out: Path | str | None = None,
    recipe: str | None = None,
    overrides: Sequence[str] = (),
    data: str | Path | None = None,
    data_dir: str | Path | None = None,
    data_options: DataOptions | None = None,
    seeds: int = 1,
    first_seed: int = 0,
    teacher: str | None = None,
    init: str | None = None,
    device: str | None = None,
    threads: int = 1,
    kernels: KernelsWanted = "auto",
    workers: int | None = None,
    address: str | None = None,
    on_epoch: OnEpoch | None = None,
) -> FinalReport:
    """Train a network in full, as `nas train` does.

    `nas.resume_training` goes on after a stop, and `nas.train_finalists` trains a run's best.

    Args:
        target: A model file by name or path, or RUN:ID.
        out: The folder to make; `runs/train-NAME-TIME` where None.
        recipe: By name or path; chosen by the network's size where None.
        overrides: `KEY=VALUE`, applied to the recipe.
        data: As `load_data` takes it; a run's own where None, or Fashion-MNIST.
        data_dir: Where the data set's files are.
        data_options: How images are read; as a run read them where None.
        seeds: Trainings, with seeds from `first_seed` on.
        first_seed: Of them; 0 or more.
        teacher: A trained network to learn from: RUN:ID, a trained folder, or a model file with
            its weights beside it.
        init: Weights to begin with: one of these, or a `.safetensors` file.
        device: As torch names it; a GPU where there is one, where None.
        threads: Of the CPU.
        kernels: What computes a step on the CPU.
        workers: Trainings at a time, on Ray; one after the other, in this process, where None.
        address: Of a running Ray cluster; with `workers` alone, Ray is started on this machine.
        on_epoch: Called with (job, epoch) after each epoch, in this process.

    Returns:
        The figures, as `out/report.json` has them; accuracies are shares of 1.

    Raises UserError; RecipeError where the training diverged.
    """
    if first_seed < 0:
        raise OptionError(f"`first_seed` {first_seed}: write a whole number from 0")
    if workers is not None and workers < 1:  # to Ray Tune 0 is no limit
        raise OptionError(f"`workers` {workers}: write a number of at least 1")
    plan = plan_training(
        str(target),
        recipe=recipe,
        overrides=overrides,
        data=None if data is None else str(data),
        data_dir=None if data_dir is None else Path(data_dir),
        data_options=data_options,
        seeds=range(first_seed, first_seed + seeds),
        teacher=teacher,
        init=init,
        device=device,
        threads=threads,
        kernels=kernels,
    )
    folder = default_folder(target) if out is None else Path(out)
    runner: Runner = run_here
    if workers is not None or address is not None:
        runner = ray_runner(folder / "tune", at_once=workers, address=address)
    return train_network(plan, folder, on_epoch=on_epoch, runner=runner)


def default_folder(target: str | Path, verb: str = "train") -> Path:
    """Where a training goes that was given no folder."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", Path(target).stem) or "network"
    return Path("runs") / f"{verb}-{name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
