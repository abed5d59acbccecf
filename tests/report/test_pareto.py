from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.metrics import METRICS, Direction, Limit
from nas.report import Axis, HypervolumeBox, knee, pareto_front

MAX, MIN = "maximize", "minimize"
ACCURACY, PARAMS, MACS = (METRICS[name] for name in ("accuracy", "params", "macs"))


def dominates(
    a: tuple[float, ...], b: tuple[float, ...], directions: tuple[Direction, ...]
) -> bool:
    signed = [
        (x, y) if direction == MIN else (-x, -y)
        for x, y, direction in zip(a, b, directions, strict=True)
    ]
    return all(x <= y for x, y in signed) and any(x < y for x, y in signed)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[tuple[float, ...]], tuple[Direction, ...]]:
    size = draw(st.integers(1, 4))
    directions = draw(st.tuples(*[st.sampled_from((MAX, MIN))] * size))
    value = st.integers(-3, 3).map(float) | st.sampled_from((math.inf, -math.inf, 0.5))
    return draw(st.lists(st.tuples(*[value] * size), max_size=25)), directions


@given(cases())
def test_front_is_what_comparing_all_pairs_gives(
    case: tuple[list[tuple[float, ...]], tuple[Direction, ...]],
) -> None:
    values, directions = case
    expected = {
        index
        for index, value in enumerate(values)
        if not any(dominates(other, value, directions) for other in values)
        and value not in values[:index]
    }

    front = pareto_front(values, directions)

    assert set(front) == expected
    assert len(front) == len(expected)
    firsts = [values[index][0] for index in front]
    assert firsts == sorted(firsts, reverse=directions[0] == MAX)


def test_of_equal_points_the_first_is_kept() -> None:
    assert pareto_front([(1.0, 2.0), (0.0, 3.0), (1.0, 2.0)], (MIN, MIN)) == (1, 0)


def test_nothing_has_an_empty_front() -> None:
    assert pareto_front([], (MIN, MAX)) == ()


@pytest.mark.parametrize("values", [[(1.0, math.nan)], [(0.0, 0.0), (math.nan, 1.0)]])
def test_nan_cannot_be_ranked(values: list[tuple[float, ...]]) -> None:
    with pytest.raises(ValueError, match="NaN"):
        pareto_front(values, (MIN, MIN))


def test_a_point_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="point 1: 1 values, expected 2"):
        pareto_front([(0.0, 1.0), (0.0,)], (MIN, MIN))


def box(num_classes: int = 10) -> HypervolumeBox:
    return HypervolumeBox.of(
        (ACCURACY, PARAMS, MACS),
        num_classes=num_classes,
        bounds={"params": (10, 10**5), "macs": (1, 10**4)},
    )


def test_accuracy_is_measured_from_chance_and_costs_by_their_logarithm() -> None:
    assert box().distances((0.55, 1000, 100)) == pytest.approx((0.5, 0.5, 0.5))
    assert box().distances((1.0, 10, 1)) == (0.0, 0.0, 0.0)
    assert box().distances((0.1, 10**5, 10**4)) == (1.0, 1.0, 1.0)


def test_values_beyond_the_bounds_count_as_the_bounds() -> None:
    assert box().distances((0.02, 1, 10**9)) == (1.0, 0.0, 1.0)


def test_below_a_limit_of_accuracy_nothing_is_gained() -> None:
    limits = (Limit(name="accuracy", minimum=0.8), Limit(name="params", maximum=100))
    bounded = HypervolumeBox.of(
        (ACCURACY, PARAMS), num_classes=10, bounds={"params": (1, 10**4)}, limits=limits
    )

    assert bounded.hypervolume([(0.8, 1)]) == 0.0
    # Costs are known before training, and no network beyond their limits is trained.
    assert bounded.distances((0.9, 100)) == pytest.approx((0.5, 0.5))


def test_one_point_dominates_its_own_corner() -> None:
    # Half of each of three sides: an eighth of the box.
    assert box().hypervolume([(0.55, 1000, 100)]) == pytest.approx(1 / 8)


def test_the_ideal_network_dominates_the_whole_box() -> None:
    assert box().hypervolume([(1.0, 10, 1)]) == 1.0


@pytest.mark.parametrize("values", [[], [(0.1, 10, 1)], [(0.05, 10**6, 1)]])
def test_nothing_or_guessing_dominates_nothing(values: list[tuple[float, ...]]) -> None:
    assert box().hypervolume(values) == 0.0


def test_a_staircase_is_the_sum_of_its_steps() -> None:
    # On a grid of 4 x 4 unit squares with the ideal in a corner, the point at distance i and
    # 3 - i dominates a rectangle; the union is a staircase of 3 + 2 + 1 squares.
    square = HypervolumeBox.of((ACCURACY, PARAMS), num_classes=2, bounds={"params": (1, 10**4)})
    stairs = [(1 - i / 8, 10.0 ** (4 - i)) for i in range(1, 4)]

    assert square.hypervolume(stairs) == pytest.approx((3 + 2 + 1) / 16)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), max_size=8))
def test_hypervolume_counts_the_dominated_cells(cells: list[tuple[int, int, int]]) -> None:
    points = [(1 - 0.9 * a / 4, 10.0 ** (1 + p), 10.0**m) for a, p, m in cells]
    dominated = sum(
        any(all(mine <= cell for mine, cell in zip(own, corner, strict=True)) for own in cells)
        for corner in product(range(4), repeat=3)
    )

    assert box().hypervolume(points) == pytest.approx(dominated / 64)


def test_an_axis_without_extent_is_passed_or_missed() -> None:
    axis = Axis(objective=PARAMS, best=100, worst=100, logarithmic=True)

    assert [axis.distance(value) for value in (99, 100, 101)] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("best", "worst", "message"),
    [(0, 10, "positive"), (10, 1, "wrong way round"), (1, math.inf, "finite")],
)
def test_bounds_that_bound_nothing_are_refused(best: float, worst: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Axis(objective=PARAMS, best=best, worst=worst, logarithmic=True)


def test_nan_is_nowhere_on_an_axis() -> None:
    with pytest.raises(ValueError, match="NaN"):
        box().distances((math.nan, 10, 10))


def test_the_knee_is_farthest_from_the_straight_line_between_the_ends() -> None:
    # Scaled to the front's extent (params by logarithm): (0, 1), (0.1, 0.5), (0.6, 0.2), (1, 0).
    front = [(0.9, 10_000.0), (0.86, 100.0 * 10), (0.66, 10 ** (2 + 0.4)), (0.5, 100.0)]

    assert knee(front, (ACCURACY, PARAMS)) == 1


def test_two_costs_that_rise_together_do_not_outvote_accuracy() -> None:
    two = [(0.9, 1000.0), (0.82, 100.0), (0.5, 10.0)]
    three = [(accuracy, params, 50 * params) for accuracy, params in two]

    assert knee(two, (ACCURACY, PARAMS)) == knee(three, (ACCURACY, PARAMS, MACS)) == 1


def test_a_front_of_one_is_its_own_knee() -> None:
    assert knee([(0.7, 5.0)], (ACCURACY, PARAMS)) == 0


def test_an_empty_front_has_no_knee() -> None:
    with pytest.raises(ValueError, match="empty"):
        knee([], (ACCURACY, PARAMS))
