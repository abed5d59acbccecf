from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nas.metrics import Limit
from nas.search import Ledger, Problem
from nas.search.samplers.model._candidates import CandidatePool, costs
from nas.search.samplers.model._initial_design import InitialDesign
from tests.search.small import MEDIUM, all_genomes, make_problem

if TYPE_CHECKING:
    import pytest

    from nas.search.samplers.model._candidates import EncodedCandidate


def make_design(problem: Problem, *, seed: int = 0) -> tuple[InitialDesign, Ledger]:
    ledger = Ledger(problem)
    genomes = all_genomes(problem.space)
    first = next(genome for genome in genomes if problem.candidate(genome).reason is None)
    return InitialDesign(problem, CandidatePool(problem, ledger), seed=seed, first=first), ledger


def choose(
    problem: Problem, count: int, *, seed: int = 0
) -> tuple[InitialDesign, list[EncodedCandidate]]:
    design, ledger = make_design(problem, seed=seed)
    chosen: list[EncodedCandidate] = []
    for number in range(count):
        one = design.next(chosen)
        assert one is not None
        ledger.begin(number, problem.candidate(one.genome))
        chosen.append(one)
    return design, chosen


def test_no_network_is_chosen_twice() -> None:
    _, chosen = choose(make_problem(MEDIUM), 10)
    assert len({one.arch_id for one in chosen}) == 10


def test_a_seed_decides_everything() -> None:
    first, again, other = (
        [one.genome for one in choose(make_problem(MEDIUM), 6, seed=seed)[1]] for seed in (0, 0, 1)
    )
    assert first == again != other


def test_nothing_is_dearer_than_half_of_the_random_networks() -> None:
    design, chosen = choose(make_problem(MEDIUM), 10)
    limits = np.median(costs(design.random_candidates), axis=0)
    assert (costs(chosen) <= limits).all()


def test_costs_are_spread_beyond_the_cheapest_random_network() -> None:
    design, chosen = choose(make_problem(MEDIUM), 10)
    drawn, taken = costs(design.random_candidates), costs(chosen)
    assert (taken.min(axis=0) < drawn.min(axis=0)).any()
    middle = np.median(drawn, axis=0)
    assert (taken.max(axis=0) > (middle + taken.min(axis=0)) / 2).all()


def test_accuracy_alone_has_no_costs_to_spread() -> None:
    _, chosen = choose(make_problem(MEDIUM, objectives=("accuracy",)), 5)
    assert len({one.arch_id for one in chosen}) == 5


def test_where_no_random_network_is_feasible_there_is_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = make_problem(MEDIUM)
    costs_of = {
        genome: cost.params
        for genome in all_genomes(problem.space)
        if (cost := problem.candidate(genome).cost) is not None
    }
    least, greatest = min(costs_of.values()), max(costs_of, key=costs_of.__getitem__)
    assert costs_of[greatest] > least
    monkeypatch.setattr(type(problem.space), "random_genome", lambda *_: greatest)
    tight = make_problem(MEDIUM, limits=(Limit(name="params", maximum=least),))
    design, _ = make_design(tight)
    assert [tight.candidate(one.genome).reason for one in design.random_candidates] == [None]
    one = design.next([])
    assert one is not None
    assert costs_of[one.genome] == least


def test_what_is_known_already_is_left_out() -> None:
    problem = make_problem(MEDIUM)
    design, ledger = make_design(problem)
    while (one := design.next([])) is not None:
        assert not ledger.knows(one.arch_id)
        ledger.begin(ledger.num_trials, problem.candidate(one.genome))
    assert ledger.num_begun > 10
