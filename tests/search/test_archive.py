from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from nas.metrics import parse_objectives
from nas.search import Archive, Member, objective_vector
from nas.trial import Cost, Scores

OBJECTIVES = parse_objectives(["accuracy", "params"])


def member(number: int, accuracy: float, params: int) -> Member:
    cost = Cost(
        params=params,
        ring_params=0,
        kernel_params=0,
        frozen_params=0,
        macs=1,
        peak_activation_bytes=4,
    )
    scores = Scores(accuracy=accuracy, loss=1.0, train_s=0.0)
    return Member(
        number=number,
        arch_id=f"net{number}",
        genome=(number,),
        objective_vector=objective_vector(OBJECTIVES, cost, scores),
    )


def fill(points: list[tuple[float, int]]) -> tuple[Archive, list[bool]]:
    archive = Archive()
    answers = [archive.add(member(number, *point)) for number, point in enumerate(points)]
    return archive, answers


def test_vectors_are_minimised_and_costs_are_logarithms() -> None:
    archive, _ = fill([(0.75, 1000)])

    assert archive.members[0].objective_vector == (-0.75, 3.0)


def test_a_better_network_pushes_the_front_into_the_second_rank_and_that_out() -> None:
    archive, answers = fill([(0.5, 100), (0.6, 90), (0.7, 80), (0.65, 70)])

    assert answers == [True, True, True, True]
    assert [member.number for member in archive.front] == [2, 3]
    assert [member.number for member in archive.second] == [1]


def test_equally_good_networks_are_all_on_the_front() -> None:
    archive, answers = fill([(0.5, 100), (0.5, 100), (0.4, 100)])

    assert answers == [True, True, False]
    assert [member.number for member in archive.front] == [0, 1]
    assert [member.number for member in archive.second] == [2]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), max_size=40))
def test_both_ranks_are_those_of_brute_force_whatever_the_order(
    grid: list[tuple[int, int]],
) -> None:
    points = [(accuracy / 10, params) for accuracy, params in grid]
    archive, answers = fill(points)

    def undominated(numbers: list[int]) -> list[int]:
        def beats(one: int, other: int) -> bool:
            (a, p), (b, q) = points[one], points[other]
            return a >= b and p <= q and (a, p) != (b, q)

        return [n for n in numbers if not any(beats(m, n) for m in numbers)]

    front = undominated(list(range(len(points))))
    second = undominated([n for n in range(len(points)) if n not in front])
    assert sorted(member.number for member in archive.front) == front
    assert sorted(member.number for member in archive.second) == second
    for number, on_front in enumerate(answers):
        assert on_front == (number in undominated(list(range(number + 1))))
    at_once = Archive()
    at_once.replace_all(archive.members)
    assert [one.number for one in at_once.front] == front
    assert [one.number for one in at_once.second] == second


def test_a_cost_of_nothing_has_a_place_on_the_logarithmic_axis() -> None:
    archive, _ = fill([(0.5, 0)])

    assert archive.members[0].objective_vector == (-0.5, math.log10(1))
