from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nas.metrics import Limit
from nas.search import Archive, Problem
from nas.search._ideas import Ideas, costs
from nas.search._start import Start
from tests.search.small import MEDIUM, all_genomes, make_problem

if TYPE_CHECKING:
    from nas.search._ideas import Idea


def make_start(problem: Problem, *, seed: int = 0) -> tuple[Start, Archive]:
    archive = Archive(problem.objectives)
    genomes = all_genomes(problem.space)
    first = next(genome for genome in genomes if problem.candidate(genome).reason is None)
    return Start(problem, Ideas(problem, archive), seed=seed, first=first), archive


def choose(problem: Problem, count: int, *, seed: int = 0) -> tuple[Start, list[Idea]]:
    start, archive = make_start(problem, seed=seed)
    chosen: list[Idea] = []
    for number in range(count):
        idea = start.next(chosen)
        assert idea is not None
        archive.pending[idea.arch_id] = number
        chosen.append(idea)
    return start, chosen


def test_no_network_is_chosen_twice() -> None:
    _, chosen = choose(make_problem(MEDIUM), 10)
    assert len({idea.arch_id for idea in chosen}) == 10


def test_a_seed_decides_everything() -> None:
    first, again, other = (
        [idea.genome for idea in choose(make_problem(MEDIUM), 6, seed=seed)[1]]
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_nothing_is_dearer_than_half_of_the_random_networks() -> None:
    start, chosen = choose(make_problem(MEDIUM), 10)
    limits = np.median(costs(start.random_ideas), axis=0)
    assert (costs(chosen) <= limits).all()


def test_costs_are_spread_beyond_the_cheapest_random_network() -> None:
    start, chosen = choose(make_problem(MEDIUM), 10)
    drawn, taken = costs(start.random_ideas), costs(chosen)
    assert (taken.min(axis=0) < drawn.min(axis=0)).any()
    middle = np.median(drawn, axis=0)
    assert (taken.max(axis=0) > (middle + taken.min(axis=0)) / 2).all()


def test_accuracy_alone_has_no_costs_to_spread() -> None:
    _, chosen = choose(make_problem(MEDIUM, objectives=("accuracy",)), 5)
    assert len({idea.arch_id for idea in chosen}) == 5


def test_where_no_random_network_is_feasible_there_is_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = make_problem(MEDIUM)
    costs_of = {
        genome: cost.params
        for genome in all_genomes(problem.space)
        if (cost := problem.candidate(genome).cost) is not None
    }
    least, dearest = min(costs_of.values()), max(costs_of, key=costs_of.__getitem__)
    assert costs_of[dearest] > least
    monkeypatch.setattr(type(problem.space), "random_genome", lambda *_: dearest)
    tight = make_problem(MEDIUM, limits=(Limit(name="params", maximum=least),))
    start, _ = make_start(tight)
    assert [tight.candidate(idea.genome).reason for idea in start.random_ideas] == [None]
    idea = start.next([])
    assert idea is not None
    assert costs_of[idea.genome] == least


def test_what_is_known_already_is_left_out() -> None:
    start, archive = make_start(make_problem(MEDIUM))
    while (idea := start.next([])) is not None:
        assert idea.arch_id not in archive.finished
        archive.finished[idea.arch_id] = len(archive.finished)
    assert len(archive.finished) > 10
