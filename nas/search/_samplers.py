"""The samplers a search can choose from, by name."""

from __future__ import annotations

import random
import warnings
from types import MappingProxyType
from typing import TYPE_CHECKING

import optuna

from nas.search._evolution import ParetoEvolutionSampler
from nas.search._model_based import ModelBasedSampler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nas.search._archive import Archive
    from nas.search._problem import Problem
    from nas.space import Genome

SAMPLERS: Mapping[str, str] = MappingProxyType(
    {
        "model": "expected hypervolume gain by exact costs and a Gaussian process of the error "
        "(default)",
        "evolution": "Pareto evolution over canonical architectures",
        "tpe": "Optuna's TPE, multivariate",
        "nsga2": "Optuna's NSGA-II",
        "random": "Optuna's random sampler",
    }
)


def make_sampler(
    name: str, problem: Problem, archive: Archive, *, seed: int, start: Genome, num_trials: int
) -> optuna.samplers.BaseSampler:
    """The sampler called `name`, one of `SAMPLERS`, for a study that holds `num_trials`."""
    # Optuna's begin anew with their seed: in a resumed search they would repeat themselves.
    fresh = random.Random(f"{seed}:{num_trials}").getrandbits(32) if num_trials else seed
    makers: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
        "model": lambda: ModelBasedSampler(problem, archive, seed=seed, start=start),
        "evolution": lambda: ParetoEvolutionSampler(problem, archive, seed=seed, start=start),
        "tpe": lambda: _tpe(fresh),
        "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=fresh, population_size=20),
        "random": lambda: optuna.samplers.RandomSampler(seed=fresh),
    }
    return makers[name]()


def _tpe(seed: int) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=seed, multivariate=True)
