from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nas.bench import CONTENDERS, BenchRun, measure, picked_ceiling, run_bench_search

if TYPE_CHECKING:
    from nas.bench import Table

RUN = BenchRun(table="toy", sampler="evolution", seed=0, budget=30, workers=4)


@pytest.mark.parametrize("sampler", CONTENDERS)
def test_every_contender_spends_its_budget(toy: Table, sampler: str) -> None:
    trace = run_bench_search(replace(RUN, sampler=sampler), toy)
    assert len(trace.trained) == 30
    assert len(trace.ask_ms) >= 30
    if CONTENDERS[sampler].deduplicate:
        assert len(set(trace.trained)) == 30


@pytest.mark.parametrize("sampler", ["model", "evolution", "tpe-multivariate+dedup"])
def test_a_seed_decides_everything(toy: Table, sampler: str) -> None:
    run = replace(RUN, sampler=sampler)
    assert run_bench_search(run, toy).trained == run_bench_search(run, toy).trained
    assert (
        run_bench_search(run, toy).trained != run_bench_search(replace(run, seed=1), toy).trained
    )


def test_a_longer_race_begins_like_a_shorter_one(toy: Table) -> None:
    run = replace(RUN, sampler="model")
    longer = run_bench_search(replace(run, budget=40), toy)
    assert longer.trained[:30] == run_bench_search(run, toy).trained


def test_one_worker_takes_the_sum_of_all_trainings(toy: Table) -> None:
    trace = run_bench_search(replace(RUN, workers=1), toy)
    total_s = sum(toy.network(name).train_s for name in trace.trained)
    assert trace.finished_s[-1] == pytest.approx(total_s)


def test_workers_never_wait(toy: Table) -> None:
    trace = run_bench_search(RUN, toy)
    busy_s = sum(toy.network(name).train_s for name in trace.trained)
    # All four are busy until the last end; what still runs then is not in the sum.
    assert 4 * trace.finished_s[-1] >= busy_s > 4 * trace.finished_s[-1] - 3 * 200
    assert list(trace.finished_s) == sorted(trace.finished_s)


def test_known_networks_are_answered_for_free(toy: Table) -> None:
    trace = run_bench_search(replace(RUN, sampler="tpe+dedup", budget=60), toy)
    assert trace.repeats[-1] > 0
    assert len(set(trace.trained)) == 60


def test_shares_grow_to_one(toy: Table) -> None:
    metrics = measure(run_bench_search(replace(RUN, sampler="model", budget=120), toy), toy)
    assert list(metrics.shares) == sorted(metrics.shares)
    # The first ten are cheap and may all be worse than the median, which counts for nothing.
    assert 0 < metrics.shares[20] < metrics.shares[-1] <= 1 + 1e-12
    first = metrics.evaluations_to[0]
    assert first is not None
    assert metrics.shares[first - 2] < 0.9 <= metrics.shares[first - 1]


def test_without_noise_the_picked_front_is_the_true_one(toy: Table) -> None:
    assert picked_ceiling(toy, 0) == pytest.approx(1.0)
