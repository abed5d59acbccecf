"""Searching a recipe's hyper-parameters with Tune: an Optuna searcher and ASHA."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nas.data import absolute_dir, load_data
from nas.errors import OptionError
from nas.families import load_plugins, loaded_plugins
from nas.model import build_model
from nas.train import TASKS, Checkpoint, data_digest, dump_recipe, seeded, train_model
from nas.tune._listening import Listener, listening
from nas.tune._trials import Resources, fitted, placed, quiet, run_config, stopped_early

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nas.arch import Architecture
    from nas.data import DataOptions
    from nas.train import EpochRecord, Recipe

SEARCHED: Mapping[str, str] = MappingProxyType(
    {
        "optimizer.rate": "a fifth to five times the recipe's",
        "optimizer.weight_decay": "1e-6 to 0.1",
        "schedule.warm_up": "0 to 0.2",
        "regularization.label_smoothing": "0 to 0.2",
        "augmentation.crop": "0, 0.0625 or 0.125",
        "augmentation.erasing": "0, 0.25 or 0.5",
        "augmentation.mixup": "0, 0.1 or 0.3",
    }
)
"""The keys of a recipe that can be searched, and between what values; the recipe's own always."""
_UP_TO: Mapping[str, float] = MappingProxyType(
    {"schedule.warm_up": 0.2, "regularization.label_smoothing": 0.2}
)
_CHOICES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "augmentation.crop": (0.0, 0.0625, 0.125),
        "augmentation.erasing": (0.0, 0.25, 0.5),
        "augmentation.mixup": (0.0, 0.1, 0.3),
    }
)
_LEAST_DECAY = 1e-6
REDUCTION = 3
"""ASHA: one trial in so many goes on from each rung."""


def searched_keys(task: str) -> tuple[str, ...]:
    """All keys that can be searched for a task: those that its labels bear."""
    learnt, unfit = TASKS[task], set[str]()
    if not learnt.can_mix:
        unfit.add("augmentation.mixup")
    if learnt.has_masks:
        unfit.add("augmentation.erasing")
    return tuple(key for key in SEARCHED if key not in unfit)


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneSettings:
    """A search of a recipe's hyper-parameters."""

    arch: Architecture
    recipe: Recipe
    """Where the search begins: its own values are the first trial."""
    data: str
    data_dir: str | None
    data_options: DataOptions
    keys: tuple[str, ...]
    """Of `SEARCHED`; `searched_keys` has all that the task bears."""
    budget: int = 30
    """Trials; ASHA stops most of them early."""
    seed: int = 0
    device: str = "cpu"
    images: str = ""
    """Their `data_digest`, by which a search that goes on notices others."""

    def __post_init__(self) -> None:
        """Raise OptionError on what cannot be searched."""
        if self.budget < 1:
            raise OptionError(f"`budget` {self.budget}: write a number of trials of at least 1")
        for key in self.keys:
            if key not in SEARCHED:
                raise OptionError(f"`keys` {key}: not searched (known: {', '.join(SEARCHED)})")
            task = self.data_options.task
            if key not in (known := searched_keys(task)):
                raise OptionError(f"`keys` {key}: not for {task} (allowed: {', '.join(known)})")
        if self.recipe.epochs is None:
            raise OptionError(
                f"recipe {self.recipe.name}: ASHA compares epochs, and this recipe counts steps; "
                "use `overrides` steps=none and `overrides` epochs=N"
            )
        if self.recipe.distillation is not None:
            raise OptionError(
                f"recipe {self.recipe.name}: trials have no teacher; use `overrides` "
                "distillation=none"
            )

    @property
    def score(self) -> str:
        """The name of what the task is judged by; ASHA and the best trial go by it."""
        return TASKS[self.data_options.task].score


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedRecipe:
    """What a search found."""

    recipe: Recipe
    score_name: str
    """What the task is judged by."""
    score: float
    """In [0, 1], on validation images, of the best trial's last epoch: chosen as the highest, so
    flattering."""
    started_with: float | None
    """The same of the recipe as it was; None where ASHA stopped that trial."""
    trials: tuple[dict[str, Any], ...]
    """Of each: values by key, epochs trained, the score by its name."""


def tune_recipe(
    settings: TuneSettings,
    out: Path,
    *,
    resources: Resources | None = None,
    on_over: Callable[[int], None] | None = None,
) -> TunedRecipe:
    """Search; `out` gets trials.csv and best.yaml. Called again, it goes on.

    Args:
        settings: What is searched, and from where.
        out: The folder to make, or to go on in.
        resources: Of each trial.
        on_over: Called with the number of trials that are over, after each.

    Raises UserError, and KeyboardInterrupt on Ctrl-C. Ray must be there (`nas.workers.open_ray`).
    """
    quiet()
    from ray import tune

    trainable = tune.with_resources(
        tune.with_parameters(
            _train, pickled=pickle.dumps(_anywhere(settings)), plugins=loaded_plugins()
        ),
        placed(resources or Resources()),
    )
    begin_tuning(out, settings)
    path = out.resolve() / "trials"
    if tune.Tuner.can_restore(str(path)):
        tuner = tune.Tuner.restore(
            str(path), trainable, resume_unfinished=True, resume_errored=True
        )
    else:
        tuner = _new_tuner(trainable, settings, resources or Resources(), path)
    with listening(Listener(on_over=on_over)):
        results = fitted(tuner)
    if stopped_early(results, settings.budget):
        raise KeyboardInterrupt
    found = _found(results, settings)
    _write(out, found)
    return found


def _anywhere(settings: TuneSettings) -> TuneSettings:
    """With paths that hold in a trial's working directory too."""
    return replace(settings, data_dir=absolute_dir(settings.data_dir, settings.data))


def begin_tuning(out: Path, settings: TuneSettings) -> None:
    """Write down what is searched; OptionError where the folder was begun with something else.

    `tune_recipe` does so itself; called before, it needs no Ray. Tune goes on with what it was
    begun with, whatever is asked for.
    """
    plain = asdict(settings) | {"arch": settings.arch.id, "recipe": dump_recipe(settings.recipe)}
    asked = json.loads(json.dumps(plain))
    path = out / "tune.json"
    if path.exists() or (out / "trials").exists():
        try:
            begun = dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise OptionError(
                f"`out` {out}: its tune.json cannot be read ({error}), so what it was begun with "
                "is not known; name another folder"
            ) from error
        known = {key: value for key, value in begun.items() if value is not None}
        if other := [key for key, value in asked.items() if known.get(key, value) != value]:
            raise OptionError(
                f"`out` {out}: was begun with another {' and another '.join(other)}, and goes on "
                "with the same alone; name another folder"
            )
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asked, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OptionError(
            f"`out` {out}: no folder can be made here ({error.strerror}); name another"
        ) from error


def with_values(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with values at `record.key` paths; where nothing is mixed, without a ramp."""
    for path, value in values.items():
        part, _, key = path.partition(".")
        recipe = replace(recipe, **{part: replace(getattr(recipe, part), **{key: value})})
    if recipe.augmentation.mixes:
        return recipe
    return replace(recipe, augmentation=replace(recipe.augmentation, mix_ramp=0.0))


def search_space(recipe: Recipe, keys: Sequence[str]) -> dict[str, Any]:
    """Tune's domains of the keys; the recipe's own values are in them."""
    from ray import tune

    rate, decay = recipe.optimizer.rate, recipe.optimizer.weight_decay
    domains = {
        "optimizer.rate": tune.loguniform(rate / 5, rate * 5),
        "optimizer.weight_decay": tune.loguniform(_LEAST_DECAY, max(0.1, decay)),
    }
    for key, most in _UP_TO.items():
        domains[key] = tune.uniform(0.0, max(most, _own(recipe, key)))
    for key, values in _CHOICES.items():
        domains[key] = tune.choice(sorted({*values, _own(recipe, key)}))
    return {key: domains[key] for key in keys}


def _own(recipe: Recipe, path: str) -> Any:
    part, _, key = path.partition(".")
    return getattr(getattr(recipe, part), key)


def _new_tuner(
    trainable: Any,
    settings: TuneSettings,
    resources: Resources,
    path: Path,
) -> Any:
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    epochs = settings.recipe.epochs or 1
    return tune.Tuner(
        trainable,
        param_space=search_space(settings.recipe, settings.keys),
        tune_config=tune.TuneConfig(
            metric=settings.score,
            mode="max",
            num_samples=settings.budget,
            max_concurrent_trials=resources.at_once,
            search_alg=OptunaSearch(
                seed=settings.seed, points_to_evaluate=[first_values(settings)]
            ),
            scheduler=ASHAScheduler(
                max_t=epochs,
                grace_period=max(1, epochs // REDUCTION**2),
                reduction_factor=REDUCTION,
            ),
        ),
        run_config=run_config(path),
    )


def first_values(settings: TuneSettings) -> dict[str, Any]:
    """The first trial's: the recipe's own, and the least decay of the space for none."""
    start = {key: _own(settings.recipe, key) for key in settings.keys}
    if "optimizer.weight_decay" in start:
        start["optimizer.weight_decay"] = max(_LEAST_DECAY, start["optimizer.weight_decay"])
    return start


def _train(config: dict[str, Any], pickled: bytes, plugins: Any) -> None:
    """One trial, on a worker."""
    import tempfile

    import torch
    from ray import tune

    load_plugins(plugins)
    settings: TuneSettings = pickle.loads(pickled)
    torch.set_num_threads(1)
    data_dir = Path(settings.data_dir) if settings.data_dir else None
    data = load_data(settings.data, data_dir=data_dir, options=settings.data_options)
    recipe = with_values(settings.recipe, config)
    with seeded(settings.seed):
        channels, _, _ = data.input_shape
        model = build_model(settings.arch, in_channels=channels, num_classes=data.num_classes)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if (checkpoint := tune.get_checkpoint()) is not None:
            with checkpoint.as_directory() as before:
                shutil.copytree(before, folder, dirs_exist_ok=True)

        def report(record: EpochRecord) -> None:
            metrics = {settings.score: record.validation[settings.score], "epoch": record.epoch}
            tune.report(metrics, checkpoint=tune.Checkpoint.from_directory(str(folder)))

        identity = {"recipe": dump_recipe(recipe), "set of images": data_digest(data)}
        train_model(
            model,
            data,
            recipe,
            seed=settings.seed,
            device=settings.device,
            kernels="quick",
            checkpoint=Checkpoint(path=folder / "checkpoint.pt", identity=identity),
            on_epoch=report,
        )


def _found(results: Any, settings: TuneSettings) -> TunedRecipe:
    trials = [
        {
            **result.config,
            "epochs": result.metrics["epoch"],
            settings.score: result.metrics[settings.score],
        }
        for result in results
        if result.metrics and settings.score in result.metrics
    ]
    if not trials:
        raise OptionError("every trial failed; try the recipe by itself with `nas train` first")
    # Scores of different lengths do not compare: only what was trained to the end counts.
    whole = [one for one in trials if one["epochs"] == settings.recipe.epochs] or trials
    best = max(whole, key=lambda one: one[settings.score])
    values = {key: best[key] for key in settings.keys}
    start = first_values(settings)
    begun = [one for one in whole if all(one[key] == start[key] for key in settings.keys)]
    name = f"{settings.recipe.name}_tuned"
    return TunedRecipe(
        recipe=replace(with_values(settings.recipe, values), name=name),
        score_name=settings.score,
        score=best[settings.score],
        started_with=begun[0][settings.score] if begun else None,
        trials=tuple(trials),
    )


def _write(out: Path, found: TunedRecipe) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "best.yaml").write_text(dump_recipe(found.recipe), encoding="utf-8")
    with (out / "trials.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(found.trials[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found.trials)
