"""Our own table: every network of `lru_vgnet_small`, and how samplers fare on it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nas.bench import (
    CONTENDERS,
    SEEDS,
    BenchRun,
    Table,
    Training,
    all_networks,
    lru_vgnet_small,
    make_trained_table,
    measure,
    read_trainings,
    run_bench_search,
    table_problem,
    trainings_path,
)
from nas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.xdist_group("table")


@pytest.fixture(scope="module")
def table() -> Table:
    return lru_vgnet_small()


@pytest.fixture(scope="module")
def trainings() -> Sequence[Training]:
    return read_trainings(trainings_path())


def test_every_network_is_there_with_every_seed(
    table: Table, trainings: Sequence[Training]
) -> None:
    assert len(table.networks) == 660
    assert len(trainings) == 660 * len(SEEDS) == len({(one.id, one.seed) for one in trainings})
    line = trainings[0]
    row = table.network(line.id)
    assert row.accuracies[line.seed] == line.accuracies[-1]
    assert row.search_accuracy(0) == row.accuracies[0] == row.test_accuracy(1)


def test_costs_and_networks_are_those_of_the_space(table: Table) -> None:
    problem = table_problem()
    rng = random.Random(0)
    for _ in range(50):
        genome = problem.space.random_genome(rng)
        candidate = problem.candidate(genome)
        assert table.candidate(genome) == candidate
        assert table.row(genome).cost == candidate.cost


def test_a_missing_training_is_named(trainings: Sequence[Training]) -> None:
    lost = next(iter(all_networks()))
    some = [one for one in trainings if (one.id, one.seed) != (lost, 1)]
    with pytest.raises(DataError, match=rf"network {lost} has 1 of 2 trainings .*make_table.py"):
        make_trained_table("short", some)


def test_other_trainings_are_another_version(table: Table, trainings: Sequence[Training]) -> None:
    first, *others = trainings
    changed = [replace(first, accuracies=(*first.accuracies[:-1], 0.5)), *others]
    assert make_trained_table("same", trainings).version == table.version
    assert make_trained_table("changed", changed).version != table.version


@pytest.mark.parametrize("sampler", ["model", "evolution", "tpe", "nsga2-20", "random+dedup"])
def test_samplers_run_on_it_unchanged(table: Table, sampler: str) -> None:
    run = BenchRun(table=table.name, sampler=sampler, seed=0, budget=40, workers=4)
    metrics = measure(run_bench_search(run, table), table)

    assert len(metrics.shares) == 40
    assert 0.2 < metrics.shares[-1] <= 1.0
    assert list(metrics.shares) == sorted(metrics.shares)
    if CONTENDERS[sampler].deduplicate:
        assert metrics.duplicate_share == 0


@pytest.mark.slow
def test_who_trains_all_of_it_has_the_whole_hypervolume(table: Table) -> None:
    run = BenchRun(table=table.name, sampler="random+dedup", seed=0, budget=660, workers=4)
    metrics = measure(run_bench_search(run, table), table)
    assert metrics.shares[-1] == pytest.approx(1.0)
    assert metrics.shares[100] < 1.0
