from __future__ import annotations

import random

import moocore
import pytest

from nas.metrics import parse_objectives
from nas.search._archive import Archive, Losses, Member
from nas.search._ladder import Ladder
from nas.search._outlook import Outlook

WORST = (0.0, 1.0, 1.0)


def random_losses(rng: random.Random) -> Losses:
    return (-rng.random(), rng.random(), rng.random())


def volume(points: list[Losses]) -> float:
    return float(moocore.hypervolume(points, ref=WORST)) if points else 0.0


def greedy(points: list[Losses], count: int) -> list[int]:
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
    points = [random_losses(rng) for _ in range(60)]
    ladder = Ladder(2, WORST, eta=3)
    for number, losses in enumerate(points):
        ladder.add(0, number, losses)

    wanted = greedy(points, 20)
    assert len(wanted) >= 5
    assert promote_all(ladder) == wanted


def test_one_in_eta_climbs_however_the_results_arrive() -> None:
    rng = random.Random(0)
    ladder = Ladder(2, WORST, eta=4)
    counts = []
    for number in range(40):
        ladder.add(0, number, random_losses(rng))
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
        losses=(error - 1, log_params),
    )


def outlook(top: int = 1) -> Outlook:
    return Outlook(Archive(parse_objectives(["accuracy", "params"])), top)


def errors(looked: Outlook) -> dict[int, float]:
    return {one.number: round(1 + one.losses[0], 6) for one in looked.archive.members}


def test_without_a_ladder_the_outlook_is_the_archive_of_results() -> None:
    looked = outlook(top=0)
    looked.add(member(0, 0.5))

    assert looked.archive is looked.results
    assert not looked.archive.members


def test_low_scores_count_as_full_training_would_come_out() -> None:
    looked = outlook()
    for number in range(5):
        looked.add(member(number, 0.4))
    assert errors(looked)[4] == 0.4
    for number in range(3):
        looked.add(member(number, 0.2))

    assert errors(looked) == {0: 0.2, 1: 0.2, 2: 0.2, 3: 0.2, 4: 0.2}
    assert [one.number for one in looked.archive.members] == list(range(5))
    assert not looked.results.members


def test_a_network_that_failed_higher_up_is_forgotten() -> None:
    looked = outlook()
    looked.add(member(0, 0.1))
    looked.add(member(1, 0.4))
    assert [one.number for one in looked.archive.front] == [0]
    looked.drop(0)

    assert [one.number for one in looked.archive.front] == [1]
