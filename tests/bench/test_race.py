from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nas.bench import Race, measure, picked_ceiling, run_race
from nas.search import CONTENDERS

if TYPE_CHECKING:
    from nas.bench import Table

RACE = Race(table="toy", sampler="evolution", seed=0, budget=30, workers=4)


@pytest.mark.parametrize("sampler", CONTENDERS)
def test_every_contender_spends_its_budget(toy: Table, sampler: str) -> None:
    finish = run_race(replace(RACE, sampler=sampler), toy)
    assert len(finish.trained) == 30
    assert len(finish.ask_ms) >= 30
    if CONTENDERS[sampler].deduplicate:
        assert len(set(finish.trained)) == 30


@pytest.mark.parametrize("sampler", ["model", "evolution", "tpe-multivariate+dedup"])
def test_a_seed_decides_everything(toy: Table, sampler: str) -> None:
    race = replace(RACE, sampler=sampler)
    assert run_race(race, toy).trained == run_race(race, toy).trained
    assert run_race(race, toy).trained != run_race(replace(race, seed=1), toy).trained


def test_a_longer_race_begins_like_a_shorter_one(toy: Table) -> None:
    race = replace(RACE, sampler="model")
    longer = run_race(replace(race, budget=40), toy)
    assert longer.trained[:30] == run_race(race, toy).trained


def test_one_worker_takes_the_sum_of_all_trainings(toy: Table) -> None:
    finish = run_race(replace(RACE, workers=1), toy)
    total_s = sum(toy.network(name).train_s for name in finish.trained)
    assert finish.finished_s[-1] == pytest.approx(total_s)


def test_workers_never_wait(toy: Table) -> None:
    finish = run_race(RACE, toy)
    busy_s = sum(toy.network(name).train_s for name in finish.trained)
    # All four are busy until the last end; what still runs then is not in the sum.
    assert 4 * finish.finished_s[-1] >= busy_s > 4 * finish.finished_s[-1] - 3 * 200
    assert list(finish.finished_s) == sorted(finish.finished_s)


def test_known_networks_are_answered_for_free(toy: Table) -> None:
    finish = run_race(replace(RACE, sampler="tpe+dedup", budget=60), toy)
    assert finish.repeats[-1] > 0
    assert len(set(finish.trained)) == 60


def test_shares_grow_to_one(toy: Table) -> None:
    outcome = measure(run_race(replace(RACE, sampler="model", budget=120), toy), toy)
    assert list(outcome.shares) == sorted(outcome.shares)
    # The first ten are cheap and may all be worse than the median, which counts for nothing.
    assert 0 < outcome.shares[20] < outcome.shares[-1] <= 1 + 1e-12
    first = outcome.evaluations_to[0]
    assert first is not None
    assert outcome.shares[first - 2] < 0.9 <= outcome.shares[first - 1]


def test_without_noise_the_picked_front_is_the_true_one(toy: Table) -> None:
    assert picked_ceiling(toy, 0) == pytest.approx(1.0)
