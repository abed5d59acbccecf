"""The contenders: each searches for so many seconds on one core, and says what it trained."""

from __future__ import annotations

import logging
import random
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from task import DATA, FULL, OBJECTIVES, SPACE, Run, Trained, images, load_average, problem

from nas.model import build_model
from nas.proxy import Evaluator, train_proxy
from nas.run import SearchSettings, WorkerConfig, create_run, run_search
from nas.train import proxy_seed, seeded

if TYPE_CHECKING:
    from nas.arch import Architecture
    from nas.search import Candidate
    from nas.trial import Task, TrialResult

    Train = Callable[[Architecture, int], float]
    Contend = Callable[[int, float], tuple[list[Trained], int]]

WORST = {"accuracy": 0.0, "params": 10**9, "macs": 10**12}
"""What Ray Tune is told of a network that cannot be built: a failed trial would cost its actor."""


def contend(name: str, seed: int, seconds: float) -> Run:
    """Let one of `CONTENDERS` search, data and space loaded beforehand."""
    images(), problem()
    random.seed(seed)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    trained, begun = CONTENDERS[name](seed, seconds)
    return Run(
        contender=name,
        seed=seed,
        seconds=seconds,
        trained=tuple(trained),
        begun=begun,
        load_average=load_average(),
    )


def _optuna(
    make: Callable[[int], optuna.samplers.BaseSampler], *, tutorial: bool, dedup: bool = False
) -> Contend:
    """Ask, train, tell; illegal networks fail without training."""

    def search(seed: int, seconds: float) -> tuple[list[Trained], int]:
        train = _tutorial() if tutorial else _ours_in_full
        choices = _choices()
        study = optuna.create_study(
            directions=[one.direction for one in problem().objectives], sampler=make(seed)
        )
        known: dict[str, float] = {}
        trained: list[Trained] = []
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            trial = study.ask(choices)
            candidate = problem().candidate(problem().space.genome(trial.params))
            if candidate.reason is not None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                continue
            accuracy = known.get(candidate.arch.id) if dedup else None
            if accuracy is None:
                accuracy = known[candidate.arch.id] = train(candidate.arch, seed)
                trained.append(_trained(candidate, accuracy, time.monotonic() - began))
            study.tell(trial, (accuracy, candidate.cost.params, candidate.cost.macs))
        return _in_time(trained, seconds), len(trained)

    return search


def _choices() -> dict[str, optuna.distributions.BaseDistribution]:
    return {
        gene.name: optuna.distributions.CategoricalDistribution(gene.labels)
        for gene in problem().space.genes
    }


def _trained(candidate: Candidate, accuracy: float, at_s: float) -> Trained:
    return Trained(
        at_s=round(at_s, 2),
        id=candidate.arch.id,
        genome=candidate.genome,
        accuracy=round(accuracy, 4),
    )


def _in_time(trained: list[Trained], seconds: float) -> list[Trained]:
    """Whatever came after the bell is left out."""
    return [one for one in trained if one.at_s <= seconds]


def _ours_in_full(arch: Architecture, seed: int) -> float:
    fixed = proxy_seed(arch.id, seed)
    data = images()
    with seeded(fixed):
        model = build_model(arch, in_channels=data.input_shape[0], num_classes=data.num_classes)
    return train_proxy(model, data, FULL, seed=fixed).accuracy


def _tutorial() -> Train:
    from tutorial import train

    return train


def _ray_tune(seed: int, seconds: float) -> tuple[list[Trained], int]:
    """Ray Tune with OptunaSearch as it comes.

    Two favours: Ray is started before the clock, and actors are reused, which is not the default.
    """
    import ray
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    ray.init(
        num_cpus=1, include_dashboard=False, configure_logging=True, logging_level=logging.ERROR
    )
    here = str(Path(__file__).parent)

    def trainable(config: dict[str, Any]) -> None:
        import sys

        sys.path.insert(0, here)
        import torch
        from task import problem
        from tutorial import train

        torch.set_num_threads(1)
        genome = problem().space.genome(config)
        candidate = problem().candidate(genome)
        if candidate.reason is not None:
            ray.tune.report(WORST)
            return
        accuracy = train(candidate.arch, seed)
        cost = candidate.cost
        ray.tune.report(
            {
                "accuracy": accuracy,
                "params": cost.params,
                "macs": cost.macs,
                "genome": list(genome),
                "ended": time.time(),
            }
        )

    with tempfile.TemporaryDirectory() as folder:
        began = time.time()
        results = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=OptunaSearch(
                    space=_choices(),
                    metric=list(OBJECTIVES),
                    mode=["max", "min", "min"],
                    seed=seed,
                ),
                num_samples=-1,
                max_concurrent_trials=1,
                reuse_actors=True,
                time_budget_s=seconds,
            ),
            run_config=tune.RunConfig(storage_path=folder, name="live", verbose=0),
        ).fit()
        trained = [
            _trained(
                problem().candidate(tuple(one.metrics["genome"])),
                one.metrics["accuracy"],
                one.metrics["ended"] - began,
            )
            for one in results
            if one.metrics and "genome" in one.metrics
        ]
    ray.shutdown()
    trained.sort(key=lambda one: one.at_s)
    return _in_time(trained, seconds), len(trained)


def _ours(**changed: object) -> Contend:
    """`nas search` itself: journal, log, display, weights of the front and all.

    Unasked it has no ladder for images below 32 pixels; it had a rung at 14 when this was run.
    """

    def search(seed: int, seconds: float) -> tuple[list[Trained], int]:
        given: dict[str, Any] = {
            "space": SPACE,
            "data": DATA,
            "budget": 10**6,
            "objectives": OBJECTIVES,
            "fidelity": FULL,
            "seed": seed,
            "study": "live",
            "task_timeout_s": 1800.0,
        }
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run"
            session = create_run(SearchSettings(**given | changed), path).run
            watch = _Watch(seconds)
            run_search(
                session,
                WorkerConfig(workers="local"),
                factory=lambda info: watch,
            )
            genomes = {one.arch.id: one.genome for one in session.trials() if one.scores}
        trained = [
            Trained(at_s=round(at_s, 2), id=arch_id, genome=genomes[arch_id], accuracy=accuracy)
            for at_s, arch_id, accuracy in watch.in_full
        ]
        return _in_time(trained, seconds), watch.begun

    return search


class _Watch:
    """A worker that notes what it trained and rings the bell, as Ctrl-C does."""

    def __init__(self, seconds: float) -> None:
        self._evaluator = Evaluator(images())
        self._began = time.monotonic()
        self._seconds = seconds
        self.begun = 0
        self.in_full: list[tuple[float, str, float]] = []

    def __call__(self, task: Task) -> TrialResult:
        if time.monotonic() - self._began > self._seconds:
            raise KeyboardInterrupt
        self.begun += 1
        result = self._evaluator(task)
        if result.ok and task.fidelity == FULL:
            at_s = time.monotonic() - self._began
            self.in_full.append((at_s, task.arch.id, round(result.scores.accuracy, 4)))
        return result


def _tpe(**changed: object) -> Callable[[int], optuna.samplers.BaseSampler]:
    return lambda seed: optuna.samplers.TPESampler(seed=seed, **changed)  # type: ignore[arg-type]


CONTENDERS: dict[str, Contend] = {
    "ours": _ours(ladder=(replace(FULL, epochs=1, resolution=14),)),
    "tpe-multivariate+dedup, our trainer": _optuna(
        _tpe(multivariate=True), tutorial=False, dedup=True
    ),
    "optuna default": _optuna(_tpe(), tutorial=True),
    "nsga2": _optuna(lambda seed: optuna.samplers.NSGAIISampler(seed=seed), tutorial=True),
    "ray tune + optunasearch": _ray_tune,
    "ours without ladder": _ours(ladder=()),
}
