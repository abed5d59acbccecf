"""`nas.search` and `nas.register`: what the Python API has beside `Run`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nas.components import Family
from nas.data import DEFAULT_OPTIONS, DataOptions
from nas.errors import OptionError
from nas.metrics import Metric, limit_of, register_metric
from nas.run._settings import SearchSettings, WorkerConfig
from nas.trial import DEFAULT_FIDELITY, Fidelity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nas.data import Loader
    from nas.report import Snapshot
    from nas.run._run import Run
    from nas.trial import Deployment


def search(
    space: str | Path,
    *,
    data: str | Path = "fashion_mnist",
    data_dir: str | Path | None = None,
    data_options: DataOptions = DEFAULT_OPTIONS,
    budget: int = 40,
    objectives: Sequence[str] = ("accuracy", "params", "macs"),
    limits: Mapping[str, str | float] | None = None,
    epochs: int | None = None,
    train_images: int | None = None,
    folds: int = 1,
    class_weights: Literal["none", "balanced"] = "none",
    loss: str | None = None,
    ladder: str | None = None,
    sampler: str = "model",
    seed: int = 0,
    deterministic: bool = False,
    deploy: Deployment = "generated",
    workers: Literal["local"] | int | None = None,
    address: str | None = None,
    cpus_per_worker: float = 1,
    gpus_per_worker: float | None = None,
    node_class: str | None = None,
    task_timeout_s: float = 1800.0,
    minutes: float | None = None,
    storage: str | None = None,
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    on_progress: Callable[[Snapshot], None] | None = None,
) -> Run:
    """Search a space: train proxies, keep the Pareto front, leave a run folder behind.

    Args:
        space: A model file with open values, by name or path.
        data: A known data set, a folder of images by class, a table, a `.npz` file, or a name
            given to `nas.register`.
        data_dir: Where the files of a known data set are, and where a download goes.
        data_options: Size, channels and what else is to be said of the images.
        budget: Networks to train.
        objectives: Names of metrics, `accuracy` among them.
        limits: Bounds by metric, as `{"params": "100k", "accuracy": 0.9}`: from above where less
            is better, from below where more is. Numbers are in the metric's own unit.
        epochs: Of each proxy training; 2 where None.
        train_images: Images of each proxy training; 12,000 where None.
        folds: Trainings of each network, each validated on other images: for small data.
        class_weights: `balanced` weighs each class by the inverse of its share of the images.
        loss: A loss of your own, by the name given to `nas.register_loss`.
        ladder: Shorter trainings that come first, as `EPOCHS@PIXELS,...`, or `none`; where None,
            the space's own or one that suits the images.
        sampler: `model`, `evolution`, `tpe`, `nsga2` or `random`.
        seed: Of sampler and training.
        deterministic: Whether results are taken in order of the proposals, so that the same
            networks are proposed whatever the number of workers, and after any break. At most 16
            workers are then busy.
        deploy: Whether a device generates the kernels that rings give, or has them
            `materialized`; storage and memory are counted so.
        workers: `local` trains in this process; a number, on so many Ray workers; None, on as
            many as fit.
        address: Of a running Ray cluster; None starts Ray on this machine.
        cpus_per_worker: CPUs, and so threads, of each Ray worker.
        gpus_per_worker: GPUs of each Ray worker; shared evenly where None.
        node_class: A Ray resource that the workers' nodes must have; any node where None.
        task_timeout_s: Longest time for one training, in seconds.
        minutes: After so many no training begins, even where budget is left; those under way end,
            or with `deterministic` begin anew when the search goes on.
        storage: URL of an Optuna storage; None keeps the study in the run folder.
        out: The run folder to make; where None, one in `runs/` named after the space and time.
        overrides: Changes of the model file, as `stages.*.depth=2`.
        on_progress: Called with a `Snapshot` whenever something changes, and every second.

    Returns:
        The run, its budget or time spent or its space exhausted.

    Raises:
        UserError: anything cannot be as asked for; nothing was trained then.
        KeyboardInterrupt: Ctrl-C; what was finished is kept, and `nas.open_run(...).resume()`
            goes on.
    """
    settings = SearchSettings(
        space=str(space),
        overrides=tuple(overrides),
        data=str(data),
        data_dir=str(data_dir) if data_dir else None,
        data_options=data_options,
        budget=budget,
        objectives=tuple(objectives),
        limits=tuple(limit_of(name, bound) for name, bound in (limits or {}).items()),
        sampler=sampler,
        seed=seed,
        fidelity=replace(
            fidelity_of(epochs, train_images), folds=folds, class_weights=class_weights, loss=loss
        ),
        storage=storage,
        task_timeout_s=task_timeout_s,
        deterministic=deterministic,
        deploy=deploy,
    )
    config = WorkerConfig(
        workers=workers,
        address=address,
        cpus_per_worker=cpus_per_worker,
        gpus_per_worker=gpus_per_worker,
        node_class=node_class,
        minutes=minutes,
    )
    from nas.run._create import create_run

    run = create_run(settings, Path(out) if out else None, ladder=ladder).run
    return run.go_on(config, on_progress=on_progress)


def fidelity_of(epochs: int | None = None, train_images: int | None = None) -> Fidelity:
    """A search's default training, with what is given changed."""
    changed = {"epochs": epochs, "train_images": train_images}
    given: dict[str, Any] = {name: value for name, value in changed.items() if value is not None}
    for name, value in given.items():
        if value < 1:
            raise OptionError(f"`{name}` {value}: write a whole number of at least 1")
    return replace(DEFAULT_FIDELITY, **given)


def register(thing: Metric | Family | str, loader: Loader | None = None) -> None:
    """Make something of one's own known to nas, by the name it has.

    Args:
        thing: A `Metric`, a block `Family` of an imported module, or the name that is to stand for
            data. The family's module sets `FAMILY` to it, so that workers and run folders know it.
        loader: The function that gives these data: `part -> (images, labels)`, where the part is
            `train`, `val` or `test`.

    Raises:
        OptionError: it is none of these, or its name is taken or cannot be written in a command.
        PluginError: so it is with a family, or no other process could import it.
    """
    if isinstance(thing, Metric):
        register_metric(thing)
    elif isinstance(thing, str):
        from nas.data import register as register_data

        if loader is None:
            raise OptionError(f"register('{thing}'): give the function that loads these data")
        register_data(thing, loader)
    elif isinstance(thing, Family):
        from nas.families import register_family

        register_family(thing)
    else:
        raise OptionError(f"register({thing!r}): give a Metric, a Family, or a name and a loader")
