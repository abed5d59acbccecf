"""The finalists of a run: who is trained for longer, who in full, and the front they make.

Everything within two standard deviations of the proxy front is a candidate. These are thinned by
hypervolume and trained for a tenth and then three tenths of the recipe, each time annealed to the
end; the sets that go on are chosen by predicted final accuracy. The last ones are trained in full
with several seeds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nas.errors import RecipeError
from nas.final._jobs import TrainingJob, ways_to_hold
from nas.final._plan import TrainingPlan
from nas.final._predict import CurveModel, Features, Stretch
from nas.final._select import ScoredNetwork, choose_subset, score_deviation, within_reach
from nas.units import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nas.arch import Architecture
    from nas.data import ImageData
    from nas.final._jobs import OnEpoch, Runner
    from nas.final._plan import TrainingSettings
    from nas.train import Recipe
    from nas.trial import Cost

RUNGS = (0.1, 0.3)
"""Shares of the recipe that are trained before all of it."""
KEEP_AT_FIRST = 4
"""Candidates on the first rung for each finalist; half of them go on from each rung."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One training of a network: how long, and how well."""

    images: int
    """Training images seen, repeats included."""
    accuracy: float
    """On the validation images; of another task, the score that was searched for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A network of the run, and every training of it so far, the shortest first."""

    arch: Architecture
    trial: int
    cost: Cost
    distances: tuple[float, ...]
    """Of its costs from the best of the space, in the run's box, for each cost objective."""
    measured: tuple[Measured, ...]
    predicted: float | None = None
    """Accuracy after the whole recipe, as last predicted."""

    @property
    def features(self) -> Features:
        """What its learning curve may depend on."""
        kinds = Counter(stage.block.kind for stage in self.arch.stages)
        family = kinds.most_common(1)[0][0]
        return Features(params=self.cost.params, macs=max(1, self.cost.macs), family=family)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """How candidates climb."""

    recipe: Recipe
    settings: TrainingSettings
    """With the seeds of the last rung; the rungs below take the first of them."""
    finalists: int
    score: str
    """The metric by which networks are judged, as full training measures it."""
    worst_score: float
    """What is worth nothing."""
    val_images: int
    """Of a proxy's score."""
    folder: Path
    tell: Callable[[str], None] = field(default=lambda line: None)


def choose_finalists(
    candidates: Sequence[Candidate],
    ladder: Ladder,
    data: ImageData,
    runner: Runner,
    on_epoch: OnEpoch | None = None,
) -> tuple[Candidate, ...]:
    """Thin the candidates, and let half of the rest climb from each rung."""
    near = _subset(candidates, within_reach(_points(candidates, ladder)))
    entered = ladder.finalists * KEEP_AT_FIRST
    kept = _chosen(near, entered, ladder)
    ladder.tell(
        f"{len(near)} of {counted(len(candidates), 'trained network')} within two standard "
        f"deviations of the front; trained for longer: {len(kept)}"
    )
    for number, share in enumerate(_rungs(ladder.recipe)):
        if len(kept) <= ladder.finalists:
            break
        kept = _climb(kept, share, ladder, data, runner, on_epoch)
        places = max(ladder.finalists, entered // 2 ** (number + 1))
        kept = _chosen(kept, places, ladder)
        ladder.tell(f"{len(kept)} go on: {', '.join(one.arch.id for one in kept)}")
    return _chosen(kept, ladder.finalists, ladder)


def _rungs(recipe: Recipe) -> list[float]:
    """The shares that give a shorter training than the rung above them."""
    lengths = [(share, recipe.shortened(share)) for share in RUNGS]
    whole = (recipe.epochs, recipe.steps)
    kept: dict[tuple[int | None, int | None], float] = {}
    for share, short in lengths:
        kept[short.epochs, short.steps] = share
    return [share for length, share in kept.items() if length != whole]


def _climb(
    candidates: Sequence[Candidate],
    share: float,
    ladder: Ladder,
    data: ImageData,
    runner: Runner,
    on_epoch: OnEpoch | None,
) -> tuple[Candidate, ...]:
    """Train a share of the recipe, and predict where each candidate will end."""
    recipe = ladder.recipe.shortened(share)
    settings = replace(ladder.settings, seeds=ladder.settings.seeds[:1])
    jobs = [
        TrainingJob(
            plan=TrainingPlan(arch=one.arch, recipe=recipe, settings=settings),
            seed=settings.seeds[0],
            place=ladder.folder / "rungs" / f"{round(100 * share)}" / one.arch.id,
            may_diverge=True,
        )
        for one in candidates
    ]
    ladder.tell(f"{counted(len(jobs), 'network')} for {share:.0%} of recipe {recipe.name}")
    results = runner(jobs, data, on_epoch)
    for one, result in zip(candidates, results, strict=True):
        if result.diverged is not None:
            ladder.tell(f"{one.arch.id} diverged and is left out: {result.diverged}")
    if all(result.diverged is not None for result in results):
        raise every_diverged(ladder)
    images = images_seen(recipe, len(data.train))
    trained = [
        replace(
            one,
            measured=(
                *one.measured,
                Measured(images=images, accuracy=result.validation[ladder.score]),
            ),
        )
        for one, result in zip(candidates, results, strict=True)
        if result.diverged is None
    ]
    return predicted(trained, images_seen(ladder.recipe, len(data.train)))


def every_diverged(ladder: Ladder, what: str = "every network") -> RecipeError:
    """What is raised where no network is left."""
    return RecipeError(
        f"recipe {ladder.recipe.name}: {what} diverged; move {ladder.folder} away, and "
        f"train anew with one of {ways_to_hold(ladder.recipe)}"
    )


def predicted(candidates: Sequence[Candidate], target: int) -> tuple[Candidate, ...]:
    """The candidates with what they will have after `target` images, as their curves tell."""
    model = CurveModel(
        [
            Stretch(
                features=one.features,
                images=(one.measured[-2].images, one.measured[-1].images),
                accuracies=(one.measured[-2].accuracy, one.measured[-1].accuracy),
            )
            for one in candidates
            if len(one.measured) > 1 and one.measured[-1].images > one.measured[-2].images
        ]
    )
    return tuple(
        replace(one, predicted=model.predict(one.features, last.accuracy, last.images, target))
        for one in candidates
        for last in one.measured[-1:]
    )


def images_seen(recipe: Recipe, num_images: int) -> int:
    """Training images that a recipe shows, repeats included."""
    batch = min(recipe.batch_size, num_images)
    return recipe.num_steps(num_images // batch) * batch


def _points(candidates: Sequence[Candidate], ladder: Ladder) -> list[ScoredNetwork]:
    points = []
    for one in candidates:
        accuracy = one.measured[-1].accuracy if one.predicted is None else one.predicted
        deviation = score_deviation(accuracy, ladder.val_images)
        points.append(ScoredNetwork(accuracy=accuracy, deviation=deviation, costs=one.distances))
    return points


def _chosen(candidates: Sequence[Candidate], count: int, ladder: Ladder) -> tuple[Candidate, ...]:
    """The `count` that are worth most together, the most valuable first."""
    points = _points(candidates, ladder)
    order = choose_subset(points, count, worst_accuracy=ladder.worst_score)
    return _subset(candidates, order)


def _subset(candidates: Sequence[Candidate], index: Sequence[int]) -> tuple[Candidate, ...]:
    return tuple(candidates[number] for number in index)
