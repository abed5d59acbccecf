"""The samplers by name: those a search can choose from, and rivals for benchmarks."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from nas.search.samplers._evolution import ParetoEvolutionSampler
from nas.search.samplers._optuna import OptunaSampler, make_nsga2, make_random, make_tpe
from nas.search.samplers.model import ModelBasedSampler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from optuna.samplers import BaseSampler

    from nas.search._problem import SearchProblem
    from nas.search.samplers._base import Knowledge, Sampler
    from nas.space import Genome

_OPTUNA: Mapping[str, Callable[[int], BaseSampler]] = MappingProxyType(
    {
        "tpe": partial(make_tpe, multivariate=True),
        "tpe-default": partial(make_tpe, multivariate=None),
        "nsga2": partial(make_nsga2, population=20),
        "nsga2-50": partial(make_nsga2, population=50),
        "random": make_random,
    }
)
OURS = ("model", "evolution")


def make_sampler(
    name: str,
    problem: SearchProblem,
    known: Knowledge,
    *,
    seed: int,
    start: Genome,
    resumable: bool = False,
) -> Sampler:
    """The sampler called `name`: one of `SAMPLERS`, `tpe-default`, or `nsga2-50`.

    Args:
        name: Of the sampler.
        problem: What is searched.
        known: The ledger of the search.
        seed: Of all random choices.
        start: A feasible genome, for spaces in which random ones hardly ever are.
        resumable: Whether a search that goes on must propose what it would have proposed
            without a break.
    """
    if name == "model":
        return ModelBasedSampler(problem, known, seed=seed, start=start, resumable=resumable)
    if name == "evolution":
        return ParetoEvolutionSampler(problem, known, seed=seed, start=start)
    make = _OPTUNA[name]
    return OptunaSampler(problem, known, seed=seed, make=make, resumable=resumable)
