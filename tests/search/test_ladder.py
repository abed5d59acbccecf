from __future__ import annotations

import random

import moocore
import pytest

from nas.metrics import parse_objectives
from nas.search._archive import Archive, Member, ObjectiveVector
from nas.search._extrapolator import FidelityExtrapolator
from nas.search._ladder import Ladder

WORST = (0.0, 1.0, 1.0)


def random_vector(rng: random.Random) -> ObjectiveVector:
    return (-rng.random(), rng.random(), rng.random())


def volume(points: list[ObjectiveVector]) -> float:
    return float(moocore.hypervolume(points, ref=WORST)) if points else 0.0


def greedy(points: list[ObjectiveVector], count: int) -> list[int]:
    """Brute force: each time whatever adds most, as long as anything does."""
    chosen: list[int] = []
    while len(chosen) < count:
        held = [points[place] for place in chosen]
        gains = [volume([*held, point]) - volume(held) for point in points]
        if max(gains) < 1e-9:
            break
        chosen.append(gains.index(max(gains)))
    return chosen


def promote_all(ladder: Ladder) -> list[int]:
    promoted = []
    while (number := ladder.promote()) is not None:
        promoted.append(number)
    return promoted


@pytest.mark.parametrize("seed", range(1, 6))
def test_promotes_the_greedy_hypervolume_subset(seed: int) -> None:
    rng = random.Random(seed)
    points = [random_vector(rng) for _ in range(60)]
    ladder = Ladder(2, WORST, eta=3)
    for number, vector in enumerate(points):
        ladder.add(0, number, vector)

    wanted = greedy(points, 20)
    assert len(wanted) >= 5
    assert promote_all(ladder) == wanted


def test_one_in_eta_climbs_however_the_results_arrive() -> None:
    rng = random.Random(0)
    ladder = Ladder(2, WORST, eta=4)
    counts = []
    for number in range(40):
        ladder.add(0, number, random_vector(rng))
        counts.append(len(promote_all(ladder)))

    assert counts[:3] == [0, 0, 0]
    assert counts[3] == 1
    assert sum(counts) == 10
    assert all(sum(counts[: n + 1]) <= (n + 1) / 4 for n in range(40))


def test_what_is_dominated_by_the_promoted_or_worse_than_the_worst_never_climbs() -> None:
    ladder = Ladder(2, WORST, eta=1)
    ladder.add(0, 0, (-0.9, 0.1, 0.1))
    ladder.add(0, 1, (-0.8, 0.2, 0.1))
    ladder.add(0, 2, (-1.0, 1.5, 0.0))

    assert promote_all(ladder) == [0]


def test_with_a_single_objective_the_best_third_climbs() -> None:
    values = [random.Random(0).random() for _ in range(30)]
    ladder = Ladder(2, (0.0,))
    for number, value in enumerate(values):
        ladder.add(0, number, (-value,))
    ladder.add(0, 30, (0.5,))  # worse than the worst that counts

    best = sorted(range(30), key=lambda number: -values[number])
    assert promote_all(ladder) == best[:10]


def test_the_highest_rung_comes_first() -> None:
    ladder = Ladder(3, WORST, eta=1)
    ladder.add(0, 0, (-0.9, 0.1, 0.1))
    ladder.add(0, 1, (-0.5, 0.05, 0.1))
    assert ladder.promote() == 0
    ladder.add(1, 0, (-0.95, 0.1, 0.1))

    assert promote_all(ladder) == [0, 1]


def test_an_earlier_sessions_promotions_are_not_repeated() -> None:
    ladder = Ladder(2, WORST, eta=1)
    ladder.add(0, 7, (-0.9, 0.1, 0.1))
    ladder.mark_promoted(0, 7)

    assert ladder.promote() is None


def member(number: int, error: float, log_params: float = 3.0) -> Member:
    return Member(
        number=number,
        arch_id=f"net{number}",
        genome=(number,),
        objective_vector=(error - 1, log_params),
    )


def extrapolator(top: int = 1) -> tuple[FidelityExtrapolator, Archive]:
    results = Archive()
    return FidelityExtrapolator(parse_objectives(["accuracy", "params"]), results, top), results


def errors(known: FidelityExtrapolator) -> dict[int, float]:
    return {one.number: round(1 + one.objective_vector[0], 6) for one in known.archive.members}


def test_without_a_ladder_estimates_are_the_results() -> None:
    known, results = extrapolator(top=0)
    known.add(member(0, 0.5))

    assert known.archive is results
    assert not known.archive.members


def test_low_scores_count_as_full_training_would_come_out() -> None:
    known, results = extrapolator()
    for number in range(5):
        known.add(member(number, 0.4))
    assert errors(known)[4] == 0.4
    for number in range(3):
        known.add(member(number, 0.2))

    assert errors(known) == {0: 0.2, 1: 0.2, 2: 0.2, 3: 0.2, 4: 0.2}
    assert [one.number for one in known.archive.members] == list(range(5))
    assert not results.members


def test_the_ratio_is_the_median_of_those_seen() -> None:
    known, _ = extrapolator()
    for number in range(6):
        known.add(member(number, 0.4))
    for number, error in enumerate((0.04, 0.2, 0.36, 0.4)):
        known.add(member(number, error))

    # The median of .1, .5, .9 and 1 is .7.
    assert errors(known)[5] == pytest.approx(0.28)


def test_a_network_that_failed_higher_up_is_forgotten() -> None:
    known, _ = extrapolator()
    known.add(member(0, 0.1))
    known.add(member(1, 0.4))
    assert [one.number for one in known.archive.front] == [0]
    known.drop(0)

    assert [one.number for one in known.archive.front] == [1]
