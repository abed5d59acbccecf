"""`nas train RUN`: from a run's proxy front to a front of networks trained in full.

RUN/final/plan.json      what was asked for
RUN/final/recipe.yaml    the recipe
RUN/final/rungs/         the shorter trainings, by share of the recipe in percent and by network
RUN/final/networks/ID/   each finalist: a folder as `nas train MODEL` leaves it
RUN/final/front.csv, .png, final.json   the final front; written last
"""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass, replace
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nas.data import NOT_MOVED
from nas.errors import OptionError, RunFolderError
from nas.final._choose import (
    choose_recipe,
    find_device,
    fingerprint_all,
    read_data,
    read_test,
    seen_warning,
)
from nas.final._finalists import (
    Candidate,
    Ladder,
    Measured,
    choose_finalists,
    every_diverged,
    images_seen,
)
from nas.final._folder import TrainingFolder
from nas.final._front import FinalFront, final_front, write_front_csv
from nas.final._jobs import run_here
from nas.final._picture import draw_front
from nas.final._plan import TrainingPlan, TrainingSettings, check_same_data
from nas.final._results import FinalReport
from nas.final._train import check_plan, conclude, seed_jobs
from nas.records import read_record
from nas.report import references_for
from nas.train import KernelsWanted, dump_recipe, load_recipe, parse_recipe, task_of
from nas.units import counted, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nas.data import DataFingerprint, ImageData, MovedData
    from nas.final._jobs import OnEpoch, Runner
    from nas.final._results import SeedResult
    from nas.report import Axis
    from nas.run import Run
    from nas.train import Recipe

T = TypeVar("T")

FORMAT = 1
DEFAULT_FINALISTS = 6
DEFAULT_SEEDS = 3
_LONGER = 4
"""Times the length of a proxy that is advised where a recipe is no longer than one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalistsSettings:
    """What was asked of the finalists' training; whatever is None is decided here, and said."""

    finalists: int = DEFAULT_FINALISTS
    """Networks trained in full."""
    seeds: int = DEFAULT_SEEDS
    recipe: str | None = None
    """By name or path; chosen by the candidates' median size where None."""
    overrides: tuple[str, ...] = ()
    device: str | None = None
    threads: int = 1
    kernels: KernelsWanted = "auto"

    def __post_init__(self) -> None:
        """Raise OptionError on what cannot be."""
        if self.finalists < 1:
            raise OptionError(f"`finalists` {self.finalists}: write a number of at least 1")

    def __str__(self) -> str:
        """In words: what differs from nothing."""
        return ", ".join(f"{key} {value}" for key, value in asdict(self).items() if value)


def train_finalists(
    run_folder: Path | str,
    asked: FinalistsSettings | None = None,
    *,
    moved: MovedData = NOT_MOVED,
    runner: Runner = run_here,
    on_epoch: OnEpoch | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> FinalFront:
    """Choose a run's finalists, train them in full, and write its final front.

    Stopped at any point, the same call goes on; once it is over, the front is read, and refused
    to whoever asks for another one.

    Args:
        run_folder: Of a search, finished or not.
        asked: How many, how and with how many seeds; as it was begun with where None.
        moved: Where the run's data are now.
        runner: Where trainings run.
        on_epoch: Called with (job, epoch) after each epoch.
        tell: Called with a sentence on each decision.

    Raises UserError.
    """
    # Needs Optuna, which a single network does not.
    from nas.run import check_data, open_run

    run = open_run(Path(run_folder), data=moved.data, data_dir=moved.data_dir)
    candidates = _candidates(run)
    folder = _folder(Path(run_folder))
    if (folder.path / "final.json").exists():
        return _read_final(folder, asked, len(candidates), tell)
    with folder.lock():
        where = _settings(run, asked or FinalistsSettings())
        data = read_data(where)
        check_data(run.settings.data, run.facts.data, data)
        seen = fingerprint_all(where, data)
        recipe, settings, count = _begin(folder, run, asked, candidates, data, seen, tell)
        ladder = Ladder(
            recipe=recipe,
            settings=settings,
            finalists=count,
            score=_score(run, data),
            worst_score=_score_axis(run).worst,
            val_images=run.settings.fidelity.val_images or len(data.val),
            folder=folder.path,
            tell=tell,
        )
        candidates = [_with_images(one, run, data) for one in candidates]
        _tell_length(candidates[0].measured[0].images, recipe, len(data.train), tell)
        finalists = choose_finalists(candidates, ladder, data, runner, on_epoch)
        finalists, reports = _train_all(folder, finalists, ladder, data, seen, runner, on_epoch)
        front = final_front(finalists, reports, run.problem.objectives, recipe.name, ladder.score)
        write_front_csv(folder.path / "front.csv", front)
        references = references_for(settings.data)
        draw_front(folder.path / "front.png", front, references, seeds=len(settings.seeds))
        front = replace(front, searched=len(candidates), diverged=_diverged(folder.path))
        folder.write_json("final.json", {"format": FORMAT, **front.to_plain()})
    return front


def read_final_front(run_folder: Path) -> FinalFront:
    """The final front that `train_finalists` has written. Raises RunFolderError."""
    return _written(TrainingFolder(run_folder / "final"), "final.json", FinalFront)


def _read_final(
    folder: TrainingFolder,
    asked: FinalistsSettings | None,
    searched: int,
    tell: Callable[[str], None],
) -> FinalFront:
    """The front that is there. Raises RunFolderError where another one is asked for."""
    begun = _written(folder, "plan.json", FinalistsSettings)
    if asked not in (None, FinalistsSettings(), begun):
        raise _begun_with(folder, begun, "trained")
    front = read_final_front(folder.path.parent)
    later = 0 if front.searched is None else searched - front.searched
    news = f"; {counted(later, 'network')} searched since did not take part" if later else ""
    tell(f"The final front is there already{news}: to train anew, move {folder.path} away")
    return front


def _written(folder: TrainingFolder, name: str, kind: type[T]) -> T:
    """What a file of the final front says. Raises RunFolderError."""
    anew = _anew(folder)
    try:
        return read_record(kind, folder.read_json(name))
    except RunFolderError as error:
        raise RunFolderError(f"{error}; {anew}") from error
    except (ValueError, OptionError) as error:
        raise RunFolderError(f"{folder.path / name}: is damaged: {error}; {anew}") from error


def _anew(folder: TrainingFolder) -> str:
    return f"move {folder.path} away and train anew with `nas train {quoted(folder.path.parent)}`"


def _begun_with(folder: TrainingFolder, begun: FinalistsSettings, what: str) -> RunFolderError:
    again = f"go on with `nas train --resume {quoted(folder.path.parent)}`, or "
    goes_on = again if what == "begun" else ""
    return RunFolderError(
        f"{folder.path / 'plan.json'}: these finalists were {what} with {begun}; {goes_on}move "
        f"{folder.path} away to train anew"
    )


def _folder(run_folder: Path) -> TrainingFolder:
    path = run_folder / "final"
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be made ({error.strerror})") from error
    return TrainingFolder(path)


def _candidates(run: Run) -> list[Candidate]:
    """Every network that the search trained in full, as its proxy saw it. Raises UserError."""
    problem, box = run.problem, run.box
    axes = [axis for axis in box.axes if axis.objective.known_before_training]
    score = _score_axis(run).objective
    found: dict[str, Candidate] = {}
    for one in run.trials():
        if one.state != "complete" or one.cost is None or one.scores is None:
            continue
        values = ((limit, limit.metric.value(one.cost, one.scores)) for limit in problem.limits)
        if any(limit.complaint(value) is not None for limit, value in values):
            continue
        found[one.arch.id] = Candidate(
            arch=one.arch,
            trial=one.number,
            cost=one.cost,
            distances=tuple(axis.distance(axis.objective.of_cost(one.cost)) for axis in axes),
            measured=(Measured(images=1, accuracy=score.value(one.cost, one.scores)),),
        )
    if not found:
        folder = run.folder.path
        raise RunFolderError(
            f"{folder}: no network has been evaluated yet; continue the search with `nas resume "
            f"{folder}`"
        )
    return list(found.values())


def _score_axis(run: Run) -> Axis:
    return next(axis for axis in run.box.axes if axis.objective.is_score)


def _score(run: Run, data: ImageData) -> str:
    """The score that was searched for, where full training measures it; else the task's own."""
    wanted, task = _score_axis(run).objective, task_of(data)
    is_measured = wanted.compute is None and wanted.task in (None, task.name)
    return wanted.name if is_measured else task.score


def _with_images(one: Candidate, run: Run, data: ImageData) -> Candidate:
    fidelity = run.settings.fidelity
    images = fidelity.epochs * (fidelity.train_images or len(data.train))
    return replace(one, measured=(replace(one.measured[0], images=images),))


def _tell_length(
    proxy_images: int, recipe: Recipe, num_images: int, tell: Callable[[str], None]
) -> None:
    """Say where full training is no longer than the search's proxies were."""
    seen = images_seen(recipe, num_images)
    if seen <= proxy_images:
        epochs = math.ceil(_LONGER * proxy_images / num_images)
        tell(
            f"Recipe {recipe.name} shows a network {seen:,} images, the search's proxies saw "
            f"{proxy_images:,}: train for longer than they were, as with `overrides` "
            f"epochs={epochs}"
        )


def _begin(
    folder: TrainingFolder,
    run: Run,
    asked: FinalistsSettings | None,
    candidates: Sequence[Candidate],
    data: ImageData,
    seen: DataFingerprint,
    tell: Callable[[str], None],
) -> tuple[Recipe, TrainingSettings, int]:
    """Recipe, settings and number of finalists: as begun with, or new and written down."""
    plan = folder.path / "plan.json"
    if plan.exists():
        begun = _written(folder, "plan.json", FinalistsSettings)
        if asked not in (None, begun):
            raise _begun_with(folder, begun, "begun")
        check_same_data(plan, data.name, seen, anew=_anew(folder))
        asked = begun
        recipe = parse_recipe(folder.read("recipe.yaml"), source=str(folder.path / "recipe.yaml"))
        return recipe, _settings(run, asked), asked.finalists
    asked = asked or FinalistsSettings()
    median = statistics.median_low([one.cost.params for one in candidates])
    task = run.settings.data_options.task
    name, why = (asked.recipe, "") if asked.recipe is not None else choose_recipe(median, task)
    recipe = load_recipe(name, asked.overrides)
    settings = _settings(run, asked)
    check_plan(TrainingPlan(arch=candidates[0].arch, recipe=recipe, settings=settings), data)
    tell(
        f"Recipe {recipe.name}{why}; {counted(asked.finalists, 'finalist')}, "
        f"{counted(asked.seeds, 'seed')} each"
    )
    folder.write("recipe.yaml", dump_recipe(recipe).encode())
    begun_with = {"format": FORMAT, **asdict(asked), "data_fingerprint": asdict(seen)}
    folder.write_json("plan.json", begun_with)
    return recipe, settings, asked.finalists


def _settings(run: Run, asked: FinalistsSettings) -> TrainingSettings:
    search = run.settings
    return TrainingSettings(
        data=search.data,
        data_dir=search.data_dir,
        data_options=search.data_options,
        seeds=tuple(range(asked.seeds)),
        device=find_device(asked.device),
        threads=asked.threads,
        kernels=asked.kernels,
        origin=(
            f"Found by a search of {search.space} with budget {search.budget}, sampler "
            f"{search.sampler}, seed {search.seed}; a finalist of `nas train`."
        ),
    )


def _train_all(
    folder: TrainingFolder,
    finalists: Sequence[Candidate],
    ladder: Ladder,
    data: ImageData,
    seen: DataFingerprint,
    runner: Runner,
    on_epoch: OnEpoch | None,
) -> tuple[tuple[Candidate, ...], list[FinalReport]]:
    """Every finalist with every seed; the test images are read when all that is over.

    Those of which a seed diverged are left out.
    """
    plans = [
        TrainingPlan(arch=one.arch, recipe=ladder.recipe, settings=ladder.settings)
        for one in finalists
    ]
    places = [_place(folder, plan, seen) for plan in plans]
    jobs = [
        replace(job, may_diverge=True)
        for place, plan in zip(places, plans, strict=True)
        for job in seed_jobs(place, plan)
    ]
    ladder.tell(f"{counted(len(plans), 'finalist')} in full, {counted(len(jobs), 'training')}")
    results = iter(runner(jobs, data, on_epoch))
    by_plan = [[next(results) for _ in plan.settings.seeds] for plan in plans]
    whole = [
        _told_whole(one, found, ladder) for one, found in zip(finalists, by_plan, strict=True)
    ]
    if not any(whole):
        raise every_diverged(ladder, "a seed of every finalist")
    test = read_test(ladder.settings, data)
    now = seen.with_test(test.images)
    check_same_data(folder.path / "plan.json", data.name, now, anew=_anew(folder))
    for line in seen_warning(test.seen):
        ladder.tell(line)
    reports = [
        conclude(place, plan, data, found, test)
        for place, plan, found in compress(zip(places, plans, by_plan, strict=True), whole)
    ]
    return tuple(compress(finalists, whole)), reports


def _told_whole(one: Candidate, found: Sequence[SeedResult], ladder: Ladder) -> bool:
    """Whether every seed of a finalist was trained to its end; where not, it is said."""
    fallen = [result for result in found if result.diverged is not None]
    for result in fallen:
        ladder.tell(f"{one.arch.id} is left out: seed {result.seed} diverged: {result.diverged}")
    return not fallen


def _diverged(folder: Path) -> tuple[str, ...]:
    """Ids of the networks of which a training diverged, on a rung or in full."""
    short = folder.glob("rungs/*/*/diverged.txt")
    full = folder.glob("networks/*/*/diverged.txt")
    return tuple(
        dict.fromkeys(
            [path.parent.name for path in sorted(short)]
            + [path.parent.parent.name for path in sorted(full)]
        )
    )


def _place(folder: TrainingFolder, plan: TrainingPlan, seen: DataFingerprint) -> TrainingFolder:
    path = folder.path / "networks" / plan.arch.id
    if (path / "training.json").exists():
        return TrainingFolder.open(path)
    made = TrainingFolder.create(path)
    plan.write(made, seen)
    return made
