from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.pareto import dominates, front_of, growing_hypervolume, hypervolume, non_dominated

INFINITY = math.inf


def test_dominance_needs_one_better_and_none_worse() -> None:
    assert dominates((1.0, 2.0), (1.0, 3.0))
    assert not dominates((1.0, 2.0), (1.0, 2.0))
    assert not dominates((1.0, 3.0), (2.0, 2.0))


@given(
    st.lists(
        st.tuples(*[st.sampled_from([0.0, 1.0, 2.0, 3.0, INFINITY, -INFINITY])] * 3), max_size=30
    )
)
def test_non_dominated_points_are_those_of_brute_force(points: list[tuple[float, ...]]) -> None:
    expected = [not any(dominates(one, other) for one in points) for other in points]

    assert non_dominated(points).tolist() == expected


def test_a_front_is_in_order_and_has_the_first_of_equal_points() -> None:
    points = [(2.0, 1.0), (3.0, 3.0), (-INFINITY, 4.0), (1.0, 2.0), (2.0, 1.0)]

    assert front_of(points).tolist() == [2, 3, 0]
    assert front_of([]).tolist() == []


def test_hypervolume_by_counting_unit_cubes() -> None:
    points = [(1, 3, 2), (2, 1, 4), (3, 3, 0)]
    cubes = sum(
        any(all(a <= b for a, b in zip(point, cube, strict=True)) for point in points)
        for cube in itertools.product(range(5), repeat=3)
    )

    assert hypervolume(points, (5, 5, 5)) == cubes
    assert hypervolume([], (5, 5, 5)) == 0.0


def test_it_grows_point_by_point() -> None:
    points = [(3.0, 3.0), (4.0, 4.0), (1.0, 4.0), (3.0, 3.0), (0.0, 0.0)]

    grown = growing_hypervolume(points, (5.0, 5.0))
    assert grown == pytest.approx([hypervolume(points[: n + 1], (5.0, 5.0)) for n in range(5)])


def test_nothing_grows_by_nothing() -> None:
    assert growing_hypervolume([], (5.0, 5.0)) == []
